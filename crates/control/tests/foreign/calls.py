import sys
import varlink

with varlink.Client.new_with_address(sys.argv[1]) as client:
    with client.open("io.appkit.Service") as service:
        workers = service.Workers()
        worker = workers["workers"][0]
        assert worker["name"] == "web-1", workers
        assert worker["ends"][0]["code"] == 3, workers
        assert worker.get("pid") is None, workers
        phases = [reply["phase"] for reply in service.Wait(["running"], _more=True)]
        assert phases == ["starting", "running"], phases
        for call, name in [
            (lambda: service.Stop(), "io.appkit.Service.Stopping"),
            (lambda: service.Wait(["running"]), "org.varlink.service.ExpectedMore"),
        ]:
            try:
                call()
            except varlink.VarlinkError as error:
                assert error.error() == name, error
            else:
                raise AssertionError(name)
        assert service.Workers(["web-1"])["workers"] == [worker]
    try:
        client.open("io.appkit.Other")
    except varlink.InterfaceNotFound:
        pass
    else:
        raise AssertionError("there is no such interface")
print("all is well")

//! A build without compression: a configuration that wants it is refused, so there is nothing to do.

use std::io;

use trusted_path::Place;

#[derive(Debug, Default)]
pub(crate) struct Compressor {}

impl Compressor {
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as with compression")]
    pub(crate) fn start(&mut self, _log: &Place) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as with compression")]
    pub(crate) fn take_up(&mut self, _log: &Place) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as with compression")]
    pub(crate) fn problem(&mut self) -> Option<io::Error> {
        None
    }
}

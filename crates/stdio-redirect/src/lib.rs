//! Where standard input, output and error go: for this process or for a command.

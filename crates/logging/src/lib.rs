//! A logger from configuration: filters, a format, a file that several processes may share and rotate.

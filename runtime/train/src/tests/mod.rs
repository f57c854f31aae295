//! The loop on a device of its own that fits a line: resumption to the bit, interruption, divergence, the run's folder.
mod governor;
mod grown_network;
mod growth;
mod line_device;
mod runs;

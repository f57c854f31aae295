//! Whole programs through the driver.
mod artifacts;
mod building;
mod commands;
mod loading;
mod overriding;
mod remembering;

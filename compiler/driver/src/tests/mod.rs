//! Whole programs through the driver.
mod commands;
mod loading;
mod overriding;

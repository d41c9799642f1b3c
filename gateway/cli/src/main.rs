//! The binary `micro`: everything is in the library.

fn main() -> std::process::ExitCode {
    gateway_cli::run(std::env::args_os().skip(1), std::env::vars_os())
}

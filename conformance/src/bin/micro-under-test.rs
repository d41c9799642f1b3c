//! The program under test: the real one, built here so that tests find it.

fn main() -> std::process::ExitCode {
    gateway_cli::run(std::env::args_os().skip(1), std::env::vars_os())
}

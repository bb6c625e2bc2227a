//! The lane's helper as a program of its own: for this room's tests, and for hosts whose `main` is not theirs to change.

fn main() {
    omega_lane_worker::become_helper_if_asked();
    eprintln!("this program is started by the gateway's worker lane, not by hand");
    std::process::exit(2);
}

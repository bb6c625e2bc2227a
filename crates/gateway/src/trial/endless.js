// Never answers: what the gate has the gateway stop.
export function handle() {
    for (;;) {}
}

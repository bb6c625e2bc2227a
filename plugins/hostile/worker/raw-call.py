"""Makes one raw system call that the harness names."""

from _attack import attack, call


@attack
def handle(host):
    return {host["call"]: call(host["call"], *host["arguments"])}

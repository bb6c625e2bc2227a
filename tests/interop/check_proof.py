"""Checks an exported proof with programs that share no code with the gateway. See README.md beside this."""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import metamorphic_log
import rfc8785
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

# SPKI DER of an Ed25519 key, before its 32 bytes (RFC 8410, section 4).
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


class Proof:
    """A bundle, the verifier key, and a consistency proof between two sizes of the same log."""

    def __init__(self, bundle: Path, vkey: Path, consistency: Path) -> None:
        self.bundle = json.loads(bundle.read_bytes())
        self.vkey = vkey.read_text().strip()
        self.consistency = json.loads(consistency.read_bytes())
        self.key = base64.b64decode(self.vkey.split("+", 2)[2])[1:]
        self.note = self.bundle["checkpoint"]
        self.text = self.note[: self.note.rindex("\n\n") + 1]

    def decisions(self) -> list[dict]:
        """The linked events that are shown, each with its place."""
        return [{**link, **link["decision"]} for link in self.bundle["links"] if "event" in link["decision"]]

    def spki(self) -> bytes:
        return SPKI_PREFIX + self.key

    def openssl(self, message: bytes, signature: bytes) -> None:
        """Raises where OpenSSL does not take the signature."""
        with tempfile.TemporaryDirectory() as folder:
            parts = {"key": self.spki(), "message": message, "signature": signature}
            for name, content in parts.items():
                Path(folder, name).write_bytes(content)
            words = "pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in message -sigfile signature"
            subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


def lines(proof: Proof) -> str:
    """PyPI rfc8785 and hashlib on every event."""
    events = proof.bundle["events"] + [decision["event"] for decision in proof.decisions()]
    for event in events:
        stated = event["event_hash"]
        rest = {field: value for field, value in event.items() if field != "event_hash"}
        if hashlib.sha256(rfc8785.dumps(rest)).hexdigest() != stated:
            raise ValueError(f"event_hash {stated}")
    return f"{len(events)} events"


def checkpoint(proof: Proof) -> str:
    """PyPI metamorphic-log on the signed note."""
    head = metamorphic_log.checkpoint_verify(proof.note, [proof.vkey])
    if head.origin != proof.bundle["origin"]:
        raise ValueError(f"origin {head.origin}")
    return f"{head.size} events"


def inclusion(proof: Proof) -> str:
    """PyPI metamorphic-log on every inclusion proof."""
    size, root = proof.text.split("\n")[1:3]
    places = [(place, event["event_hash"]) for place, event in zip(proof.bundle["inclusion"], proof.bundle["events"])]
    places += [(decision, decision["event"]["event_hash"]) for decision in proof.decisions()]
    for place, event_hash in places:
        leaf = hashlib.sha256(b"\0" + bytes.fromhex(event_hash)).digest()
        path = [bytes.fromhex(node) for node in place["proof"]]
        metamorphic_log.verify_inclusion(place["index"], int(size), leaf, path, base64.b64decode(root))
    return f"{len(places)} proofs"


def consistency(proof: Proof) -> str:
    """PyPI metamorphic-log on a consistency proof whose newer tree is the checkpoint's."""
    case = proof.consistency
    size, root = proof.text.split("\n")[1:3]
    path = [bytes.fromhex(node) for node in case["proof"]]
    old = bytes.fromhex(case["root"])
    metamorphic_log.verify_consistency(case["size"], int(size), path, old, base64.b64decode(root))
    return f"{case['size']} to {size} events"


def envelope(proof: Proof) -> str:
    """PyPI securesystemslib on the DSSE envelope."""
    key_id = hashlib.sha256(proof.spki()).hexdigest()
    key = SSlibKey(key_id, "ed25519", "ed25519", {"public": proof.key.hex()})
    Envelope.from_dict(json.loads(json.dumps(proof.bundle["attestation"]))).verify([key], 1)
    return "1 signature"


def statement(proof: Proof) -> str:
    """PyPI in-toto-attestation on the statement."""
    payload = json.loads(base64.b64decode(proof.bundle["attestation"]["payload"]))
    parsed = ParseDict({"type": payload.pop("_type"), **payload}, StatementMessage())
    Statement.copy_from_pb(parsed).validate()
    return f"{len(parsed.subject)} subjects"


def openssl_checkpoint(proof: Proof) -> str:
    """OpenSSL on the checkpoint's signature."""
    line = next(line for line in proof.note.splitlines() if line.startswith(f"— {proof.bundle['origin']} "))
    proof.openssl(proof.text.encode(), base64.b64decode(line.rsplit(" ", 1)[1])[4:])
    return "1 signature"


def openssl_envelope(proof: Proof) -> str:
    """OpenSSL on the envelope's signature."""
    attestation = proof.bundle["attestation"]
    payload, kind = base64.b64decode(attestation["payload"]), attestation["payloadType"].encode()
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    proof.openssl(message, base64.b64decode(attestation["signatures"][0]["sig"]))
    return "1 signature"


CHECKS = [lines, checkpoint, inclusion, consistency, envelope, statement, openssl_checkpoint, openssl_envelope]


def main(files: list[str]) -> int:
    """Runs every check; gives the exit code."""
    if len(files) != 3:
        print("usage: python check_proof.py BUNDLE VKEY_FILE CONSISTENCY", file=sys.stderr)
        return 2
    proof = Proof(*map(Path, files))
    faults = 0
    for check in CHECKS:
        try:
            print(f"{check.__name__}: agrees ({check(proof)})")
        except Exception as error:  # noqa: BLE001: each library has its own way to say no
            faults += 1
            print(f"{check.__name__}: OBJECTS ({type(error).__name__}: {error})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

/** The two ways in which a call ends without a result and without a fault: the plugin declines, or a broker said no. */

/** Why a broker said no. */
export type BrokerErrorKind = "denied" | "unknown" | "hash_mismatch" | "limit_exceeded" | "failed";

const MEANINGS: Readonly<Record<BrokerErrorKind, string>> = {
    denied: "the broker denied it",
    unknown: "OMEGA does not hold it",
    hash_mismatch: "the bytes do not have the stated hash",
    limit_exceeded: "a broker limit is used up",
    failed: "the broker failed",
};

/** The plugin declines this input: throw it. The gateway answers `rejected`. */
export class Refusal extends Error {
    /** The payload is of a kind that the plugin does not take. */
    static readonly WRONG_PAYLOAD_KIND = "wrong_payload_kind";
    /** The payload's JSON does not fit the plugin's type. */
    static readonly INVALID_JSON = "invalid_json";
    /** A row of the dataset does not fit the plugin's type. */
    static readonly INVALID_ROW = "invalid_row";
    /** The artifact is longer than the plugin reads. */
    static readonly ARTIFACT_TOO_LARGE = "artifact_too_large";
    /** The bytes are not what they should be, such as text that is not UTF-8. */
    static readonly UNREADABLE = "unreadable";

    override readonly name: string = "Refusal";
    /** Machine-readable, the plugin's own (such as `no_header`). */
    readonly code: string;

    /** A code for programs, and a sentence for people. */
    constructor(code: string, message: string) {
        super(message);
        this.code = code;
    }
}

/** A broker said no. Where the plugin does not catch it, the call is declined with its code. */
export class BrokerError extends Error {
    override readonly name: string = "BrokerError";
    /** Why. */
    readonly kind: BrokerErrorKind;

    /** Why, and what the broker says. */
    constructor(kind: BrokerErrorKind, message: string) {
        super(message);
        this.kind = kind;
    }

    /** The same error, where it is one of a host: those are known by their name. */
    static from(error: unknown): BrokerError | undefined {
        if (error instanceof BrokerError || !(error instanceof Error) || error.name !== "BrokerError") {
            return error instanceof BrokerError ? error : undefined;
        }
        const kind = "kind" in error ? error.kind : undefined;
        return new BrokerError(isKind(kind) ? kind : "failed", error.message);
    }

    /** The refusal that this becomes. */
    toRefusal(): Refusal {
        return new Refusal(`broker_${this.kind}`, `${MEANINGS[this.kind]}: ${this.message}`);
    }
}

function isKind(kind: unknown): kind is BrokerErrorKind {
    return typeof kind === "string" && Object.hasOwn(MEANINGS, kind);
}

/** Counts by name, in bounded memory. */

/** What was counted under a name. */
export interface Counted {
    readonly name: string;
    requests: number;
    bytes: number;
    errors: number;
}

export class Tally {
    readonly #counts = new Map<string, Counted>();
    readonly #namesMax: number;
    /** How many requests had a name for which there was no more room. */
    left = 0;

    constructor(namesMax: number) {
        this.#namesMax = namesMax;
    }

    add(name: string, { bytes, isError }: { readonly bytes: number; readonly isError: boolean }): void {
        let counted = this.#counts.get(name);
        if (counted === undefined) {
            if (this.#counts.size >= this.#namesMax) {
                this.left += 1;
                return;
            }
            counted = { name, requests: 0, bytes: 0, errors: 0 };
            this.#counts.set(name, counted);
        }
        counted.requests += 1;
        counted.bytes += bytes;
        counted.errors += Number(isError);
    }

    /** The most frequent, then by name: the same list whatever the order in which they came. */
    top(count: number): Counted[] {
        const all = [...this.#counts.values()];
        all.sort((one, other) => other.requests - one.requests || (one.name < other.name ? -1 : 1));
        return all.slice(0, count);
    }
}

/** Anchors as GitHub makes them: small letters, no punctuation, `-` for each space, and a number from the second on. */

const NOT_IN_A_SLUG = /[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu;

export class Slugs {
    /** How often each was asked for. @type {Map<string, number>} */
    #used = new Map();

    /**
     * The anchor of the document's next heading.
     * @param {string} text
     * @returns {string}
     */
    next(text) {
        const plain = text.toLowerCase().replace(NOT_IN_A_SLUG, "").replaceAll(" ", "-");
        let slug = plain;
        let count = this.#used.get(plain) ?? 0;
        // A heading may be called what another's anchor is.
        while (this.#used.has(slug)) {
            count += 1;
            slug = `${plain}-${count}`;
        }
        this.#used.set(plain, count);
        this.#used.set(slug, this.#used.get(slug) ?? 0);
        return slug;
    }
}

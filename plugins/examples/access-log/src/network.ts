/** The network of a client: an address says who somebody is, its network says where from. */

/** The first 24 bits of an IPv4 address, the first 48 of an IPv6 address, anything else as it stands. */
export function networkOf(client: string): string {
    const four = fourOf(client);
    if (four !== undefined) {
        return `${four.slice(0, 3).join(".")}.0/24`;
    }
    const groups = groupsOf(client.replace(/%.*$/, ""));
    if (groups === undefined) {
        return client;
    }
    // An IPv4 address in IPv6's clothes.
    const [, , , , , mapped, high = 0, low = 0] = groups;
    if (mapped === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
        return `${high >> 8}.${high & 0xff}.${low >> 8}.0/24`;
    }
    const prefix = groups.slice(0, 3).map((group) => group.toString(16));
    return `${prefix.join(":")}::/48`;
}

function fourOf(address: string): number[] | undefined {
    const parts = address.split(".");
    const isAddress = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
    return isAddress ? parts.map(Number) : undefined;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] | undefined {
    const halves = address.split("::");
    if (!address.includes(":") || halves.length > 2) {
        return undefined;
    }
    const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":").flatMap(groupsOfPart)));
    const count = (head?.length ?? 0) + (tail?.length ?? 0);
    if (head === undefined || (tail === undefined ? count !== 8 : count > 7)) {
        return undefined;
    }
    const groups = [...head, ...Array.from({ length: 8 - count }, () => 0), ...(tail ?? [])];
    return groups.every((group) => Number.isInteger(group)) ? groups : undefined;
}

function groupsOfPart(part: string): number[] {
    const four = fourOf(part);
    if (four !== undefined) {
        const [a = 0, b = 0, c = 0, d = 0] = four;
        return [(a << 8) | b, (c << 8) | d];
    }
    return [/^[0-9a-fA-F]{1,4}$/.test(part) ? Number.parseInt(part, 16) : Number.NaN];
}

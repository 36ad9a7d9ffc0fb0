/**
 * SHA-256 (FIPS 180-4), for the ids of private conversations.
 *
 * WebCrypto has it, too, but only asynchronously and only on HTTPS pages; a server in a home network is often
 * reached by plain HTTP.
 */

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
};

/** The first 32 bits of the fractional part of a root. */
const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0;

const PRIMES = Array.from({ length: 311 }, (_, index) => index + 2).filter(isPrime); // the first 64
const K = PRIMES.map((prime) => fraction(Math.cbrt(prime)));
const INITIAL = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** Returns the 32 bytes of the hash. */
export function sha256(data: Uint8Array): Uint8Array {
  const blocks = new DataView(new ArrayBuffer((((data.length + 8) >> 6) + 1) << 6));
  data.forEach((byte, index) => {
    blocks.setUint8(index, byte);
  });
  blocks.setUint8(data.length, 0x80);
  blocks.setUint32(blocks.byteLength - 4, data.length * 8);
  const hash = Int32Array.from(INITIAL);
  for (let offset = 0; offset < blocks.byteLength; offset += 64) mix(hash, blocks, offset);
  const result = new DataView(new ArrayBuffer(32));
  hash.forEach((word, index) => {
    result.setInt32(index * 4, word);
  });
  return new Uint8Array(result.buffer);
}

function mix(hash: Int32Array, blocks: DataView, offset: number): void {
  const at = (words: Int32Array, index: number): number => words[index] ?? 0;
  const w = new Int32Array(64);
  for (let i = 0; i < 16; i++) w[i] = blocks.getInt32(offset + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = at(w, i - 15);
    const y = at(w, i - 2);
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = at(w, i - 16) + s0 + at(w, i - 7) + s1;
  }
  const v = Int32Array.from(hash); // a … h
  for (let i = 0; i < 64; i++) {
    const a = at(v, 0);
    const e = at(v, 4);
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choice = (e & at(v, 5)) ^ (~e & at(v, 6));
    const first = at(v, 7) + s1 + choice + (K[i] ?? 0) + at(w, i);
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & at(v, 1)) ^ (a & at(v, 2)) ^ (at(v, 1) & at(v, 2));
    v.copyWithin(1, 0, 7);
    v[4] = at(v, 4) + first;
    v[0] = first + s0 + majority;
  }
  hash.forEach((word, index) => {
    hash[index] = word + at(v, index);
  });
}

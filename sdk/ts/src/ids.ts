/** Identifiers that a client makes or computes (docs/protocol.md, "Values"). */

import { sha256 } from "./sha256.js";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The id of the private conversation of two users, the same whoever asks. */
export function privateConversationId(one: string, other: string): string {
  const [low, high] = one <= other ? [one, other] : [other, one];
  return `p${base32(sha256(new TextEncoder().encode(`${low}:${high}`)).subarray(0, 16))}`;
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
    value &= 255;
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

let lastMs = 0;
let counter = 0;

/** A fresh UUIDv7 (RFC 9562 §5.7); those of one process ascend: rand_a counts within a millisecond (§6.2). */
export function newMsgId(nowMs = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs++;
    counter = 0;
  }
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x80; // the variant
  const random = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const time = lastMs.toString(16).padStart(12, "0");
  const version = (0x7000 | counter).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${random.slice(0, 4)}-${random.slice(4)}`;
}

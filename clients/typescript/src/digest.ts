/** What is known of a token everywhere but at its bot and in the store: its SHA-256, which can't be turned back. */

import { hash } from "node:crypto";

const BYTES = 32;
const TEXT = /^[A-Za-z0-9_-]{43}$/;

/** As base64url, as it stands in a set: a `Buffer` would cost more than the hash does. */
export function digestOf(token: string): string {
  return hash("sha256", token, "base64url");
}

/** Reads base64url of 32 bytes in its one canonical form; else undefined. */
export function parseDigest(text: string): Buffer | undefined {
  if (!TEXT.test(text)) return undefined;
  const digest = Buffer.from(text, "base64url");
  // Bits that are left over in the last character would be a second way of writing the same digest.
  return digest.length === BYTES && digest.toString("base64url") === text ? digest : undefined;
}

/**
 * What can be said of a presented string without any set. The checksum is no secret and proves nothing: it tells
 * a token that was mistyped from one that is unknown, so that such a string is refused without asking anybody.
 */

import { crc32 } from "node:zlib";

export type Shape = "ours" | "foreign" | "malformed";

const DIGITS = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
/** Each two digits, by their value. */
const PAIRS = DIGITS.flatMap((first) => DIGITS.map((second) => first + second));
const CHECKSUM_LENGTH = 6;
const OURS = /^[a-z][a-z0-9]{0,4}_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}$/;
/** 16 to 512 visible ASCII characters. `$` alone would let a line feed follow. */
const TOKEN = /^[\x21-\x7e]{16,512}$/;

/** Tells what a presented string looks like. */
export function shape(presented: string): Shape {
  if (!TOKEN.test(presented)) return "malformed";
  if (!OURS.test(presented)) return "foreign";
  const body = presented.slice(0, -CHECKSUM_LENGTH);
  return presented.endsWith(checksum(body)) ? "ours" : "malformed";
}

/** The six characters that end a token of ours: the CRC-32 (IEEE) of all before them, in base62. */
export function checksum(body: string): string {
  const crc = crc32(body);
  const pair = (place: number) => PAIRS[Math.floor(crc / place) % PAIRS.length] as string;
  return pair(62 ** 4) + pair(62 ** 2) + pair(1);
}

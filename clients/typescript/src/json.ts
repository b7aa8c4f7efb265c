/**
 * A small strict JSON reader (RFC 8259), for input that may be hostile.
 *
 * It reads forward once and keeps no tree. Stricter than `JSON.parse`: no key twice in an object at any level, no
 * number of 2^53 or more, bounded nesting, no half of a surrogate pair. There is deliberately no way to read a
 * fraction: what is skipped may hold one, what is read is a string, a whole number, or null.
 */

/** Why a text can't be read. */
export type Fault = "not_json" | "too_deep" | "duplicate_key" | "large_number" | "wrong_type" | "missing_key";

export class JsonError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(`the JSON can't be read: ${fault}`);
    this.name = "JsonError";
    this.fault = fault;
  }
}

/** How many objects and arrays may be open at once. */
const MAX_DEPTH = 16;
/** 2^53: from here on a double no longer holds each whole number. */
const TOO_LARGE = 2 ** 53;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WHOLE = /^[0-9]+$/;
/** What needs no escape. No alternatives, so that a long string needs no stack. */
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORDS = ["true", "false", "null"];

export class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads an object. `member` is handed each key, and has to read or skip its value. */
  object(member: (key: string) => void): void {
    const seen = new Set<string>();
    this.#items("{", "}", () => {
      if (this.#peek() !== '"') throw new JsonError("not_json");
      const key = this.string();
      if (seen.has(key)) throw new JsonError("duplicate_key");
      seen.add(key);
      this.#expect(":");
      member(key);
    });
  }

  /** Reads an array. `item` has to read or skip each of its values. */
  array(item: () => void): void {
    this.#items("[", "]", item);
  }

  string(): string {
    this.#begins('"');
    const start = this.#at;
    this.#at += 1;
    this.#match(PLAIN);
    const escaped = this.#text.charAt(this.#at) === "\\";
    while (this.#text.charAt(this.#at) === "\\") {
      this.#match(ESCAPE);
      this.#match(PLAIN);
    }
    this.#expectHere('"');
    const quoted = this.#text.slice(start, this.#at);
    const text = escaped ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    // Half a pair is no character. (One that stands in the text itself is not UTF-8, and was seen before.)
    if (!text.isWellFormed()) throw new JsonError("not_json");
    return text;
  }

  /** Reads a whole number, written with digits alone. */
  integer(): number {
    const digits = this.#number();
    if (!WHOLE.test(digits)) throw new JsonError("wrong_type");
    return Number(digits);
  }

  integerOrNull(): number | null {
    if (this.#peek() !== "n") return this.integer();
    this.#word();
    return null;
  }

  /** Reads a value of any type and forgets it. */
  skip(): void {
    const first = this.#peek();
    if (first === "{") this.object(() => this.skip());
    else if (first === "[") this.array(() => this.skip());
    else if (first === '"') this.string();
    else if (isNumber(first)) this.#number();
    else this.#word();
  }

  /** Makes sure that nothing is left. */
  end(): void {
    if (this.#peek() !== "") throw new JsonError("not_json");
  }

  #items(open: string, close: string, item: () => void): void {
    this.#begins(open);
    if (this.#depth === MAX_DEPTH) throw new JsonError("too_deep");
    this.#depth += 1;
    this.#at += 1;
    if (this.#peek() === close) {
      this.#at += 1;
    } else {
      for (;;) {
        item();
        if (this.#peek() !== ",") break;
        this.#at += 1;
      }
      this.#expect(close);
    }
    this.#depth -= 1;
  }

  /** What a value that was asked for does not begin with is of another type, or no JSON at all. */
  #begins(first: string): void {
    const found = this.#peek();
    if (found === first) return;
    throw new JsonError(found !== "" && ('{["tfn'.includes(found) || isNumber(found)) ? "wrong_type" : "not_json");
  }

  #expect(character: string): void {
    this.#peek();
    this.#expectHere(character);
  }

  #expectHere(character: string): void {
    if (this.#text.charAt(this.#at) !== character) throw new JsonError("not_json");
    this.#at += 1;
  }

  #word(): void {
    const word = WORDS.find((each) => this.#text.startsWith(each, this.#at));
    if (word === undefined) throw new JsonError("not_json");
    this.#at += word.length;
  }

  #number(): string {
    const first = this.#peek();
    if (!isNumber(first)) this.#begins("0");
    const number = this.#match(NUMBER);
    if (!(Math.abs(Number(number)) < TOO_LARGE)) throw new JsonError("large_number");
    return number;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new JsonError("not_json");
    this.#at += found.length;
    return found;
  }

  /** The next character that is no white space; empty at the end. */
  #peek(): string {
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0;
    return this.#text.charAt(this.#at);
  }
}

/** Reads an object's members; each has to be there, but for those that are `optional`. Others are passed over. */
export function record<T extends Record<string, unknown>, O extends Record<string, unknown> = Record<never, never>>(
  reader: Reader,
  members: { [K in keyof T]: () => T[K] },
  optional?: { [K in keyof O]: () => O[K] },
): T & Partial<O> {
  const found: Record<string, unknown> = {};
  reader.object((key) => {
    if (Object.hasOwn(members, key)) found[key] = members[key as keyof T]();
    else if (optional !== undefined && Object.hasOwn(optional, key)) found[key] = optional[key as keyof O]();
    else reader.skip();
  });
  for (const key of Object.keys(members)) if (!Object.hasOwn(found, key)) throw new JsonError("missing_key");
  return found as T & Partial<O>;
}

export function list<T>(reader: Reader, item: () => T): T[] {
  const items: T[] = [];
  reader.array(() => items.push(item()));
  return items;
}

function isNumber(first: string): boolean {
  return first === "-" || (first >= "0" && first <= "9");
}

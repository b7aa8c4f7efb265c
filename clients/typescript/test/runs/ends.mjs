/** Gets its answer while no daemon answers, closes nothing, and has to end. `ends.mjs FEED AUDIENCE` */

import process from "node:process";

import { Verifier, TokenSource } from "@crossfade/verify";

const [url, audience] = process.argv.slice(2);
const verifier = await Verifier.connect({ url, credential: "cfc_of-the-tests", audience, onEvent: () => undefined });
const { verdict } = await verifier.verifyOrRefresh("a-token-that-nobody-made");
const token = await new TokenSource({ url, credential: "cfc_of-the-tests", secret: "a" }).token().catch(() => "no token");
console.log(JSON.stringify([verdict, token]));

/** Loads all of the package by `require`, in a Node that knows no other way. */

const { requireToken, TokenSource, Verifier } = require("@crossfade/verify");
const v1 = require("@crossfade/verify/mcp-v1");
const v2 = require("@crossfade/verify/mcp-v2");

const loaded = [requireToken, TokenSource, Verifier, v1.tokenVerifier, v2.tokenVerifier];
console.log(JSON.stringify([loaded.every((each) => typeof each === "function"), process.features.require_module ?? false]));

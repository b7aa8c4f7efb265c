/** A worker that reads one accept set, good or bad, and ends. */

import { workerData } from "node:worker_threads";

import { AcceptSet } from "../../src/accept-set.js";
import { AUDIENCE } from "./fake-feed.js";

try {
  AcceptSet.parse(Buffer.from(workerData as string), AUDIENCE);
} catch {
  // Whether it is a set does not matter here.
}

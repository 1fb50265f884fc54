// @ts-check
/** A client of Rostrum's HTTP API: the page's own, and for programs in Node. It needs nothing but `fetch`. */

export { newKey, pause, Problem, Rostrum } from "./rostrum.js";
export { follow } from "./streams.js";

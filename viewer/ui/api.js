// @ts-check
/**
 * The worklist of docs/api.md, and the words for what went wrong.
 * Search words travel in the body, never in the URL.
 *
 * @typedef {import("./types.js").WorklistPage} WorklistPage
 */

/** A refusal of the server, or silence (status 0). */
export class ApiError extends Error {
  /** @param {number} status HTTP status, 0 when there was no answer @param {string} code code of docs/errors.md @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * The refusal a JSON body holds.
 * @param {number} status @param {unknown} body
 */
export function refusal(status, body) {
  const error = /** @type {{error?: {code?: string, message?: string}} | null} */ (body)?.error;
  return new ApiError(status, error?.code ?? "error", error?.message ?? "");
}

/**
 * One page of studies, newest first.
 * @param {{search: string, after: string | null, limit: number}} query @param {AbortSignal} signal
 * @returns {Promise<WorklistPage>}
 */
export async function fetchWorklist(query, signal) {
  let response;
  try {
    response = await fetch("/api/worklist", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(query), signal });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "");
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response.status, body);
  if (body === null) throw new ApiError(response.status, "error", "the answer was no JSON");
  return /** @type {WorklistPage} */ (body);
}

/**
 * What happened and what to do, in one sentence or two.
 * @param {unknown} error
 */
export function inWords(error) {
  if (!(error instanceof ApiError)) return `Something went wrong in this page (${String(error)}). Reload it.`;
  if (error.status === 0) return "The server does not answer. Check the network, or that “fastcine serve” is running.";
  if (error.status === 401 || error.status === 403) return "Not allowed from here. Sign in again, or open fastcine under its own address.";
  if (error.status === 404) return "This is no longer on the server. Go back to the worklist.";
  if (error.status === 503) return "The server is busy.";
  if (error.status === 507) return "The server's disk is full. Free some space there, then add the files again.";
  return error.message ? `The server said: ${error.message}` : `The server failed (HTTP ${error.status}). Try again, or look into its log.`;
}

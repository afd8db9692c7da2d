/**
 * The log of what went over the simulated wire: every request to the operator with redacted payloads, for people to watch.
 * Also the record of what the service sent, unredacted, for tests to assert on. Both in memory and bounded.
 */

import type { IncomingHttpHeaders } from 'node:http'
import { hideRequestId, redactPayload } from './redact.ts'

/** How many hops and how many received calls are kept. */
const maxEntries = 1000

/** One request to the operator and its answer. */
export interface Hop {
  /** When the answer was ready, ISO 8601. */
  at: string
  from: 'service' | 'device'
  to: 'vonage' | 'carrier'
  method: string
  /** Without the query; the id of a Verify v2 request is `{request_id}`. */
  path: string
  /** HTTP status; 0 when the connection was cut before an answer. */
  status: number
  durationMs: number
  /** Members of the body or of the query: numbers by their last two digits, secrets by their first characters. */
  request: unknown
  response: unknown
}

export interface HopLog {
  /** The last 1,000 hops, oldest first. */
  list(): readonly Hop[]
  /** Calls the listener at each further hop; gives the function that ends this. */
  subscribe(listener: (hop: Hop) => void): () => void
  /** How many requests came to this path of a hop since the start, answered or not. */
  count(path: string): number
}

/** A request of the service as it came, for tests only: nothing in it is redacted. */
export interface ReceivedCall {
  /** By the simulator's clock, epoch milliseconds. */
  atMs: number
  path: string
  headers: IncomingHttpHeaders
  /** Names and values in turn, as they came over the wire. */
  rawHeaders: readonly string[]
  /** Parsed JSON, or the members of a form; `undefined` while unread or when refused before it was read. */
  body: unknown
}

export interface HopRecorder extends HopLog {
  /** Counts a request on its arrival, and keeps it if it came from the service. */
  arrive(call: ReceivedCall): void
  /** Keeps a hop and redacts its payloads. */
  record(hop: Omit<Hop, 'from' | 'to'>): void
  received(): readonly ReceivedCall[]
}

/** Which parties speak at a path; a path without a rule is no hop. */
const parties: ReadonlyArray<{ path: RegExp; from: Hop['from']; to: Hop['to'] }> = [
  { path: /^\/v0\.1\/network-enablement$/, from: 'service', to: 'vonage' },
  { path: /^\/oauth2\/token$/, from: 'service', to: 'vonage' },
  { path: /^\/camara\//, from: 'service', to: 'vonage' },
  { path: /^\/v2\/verify\/[^/]+\/silent-auth\//, from: 'device', to: 'vonage' },
  { path: /^\/v2\/verify(\/|$)/, from: 'service', to: 'vonage' },
  { path: /^\/oauth2\//, from: 'device', to: 'vonage' },
  { path: /^\/carrier\//, from: 'device', to: 'carrier' },
]

export function createHopRecorder(): HopRecorder {
  const hops: Hop[] = []
  const calls: ReceivedCall[] = []
  const counts = new Map<string, number>()
  const listeners = new Set<(hop: Hop) => void>()

  return {
    list: () => [...hops],
    received: () => [...calls],
    count: (path) => counts.get(path) ?? 0,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    arrive(call) {
      const parties = partiesAt(call.path)
      if (!parties) return
      const path = hideRequestId(call.path)
      counts.set(path, (counts.get(path) ?? 0) + 1)
      if (parties.from === 'service') keep(calls, call)
    },
    record({ at, method, path, status, durationMs, request, response }) {
      const parties = partiesAt(path)
      if (!parties) return
      const hop: Hop = {
        at,
        from: parties.from,
        to: parties.to,
        method,
        path: hideRequestId(path),
        status,
        durationMs,
        request: redactPayload(request),
        response: redactPayload(response),
      }
      keep(hops, hop)
      for (const listener of listeners) listener(hop)
    },
  }
}

function partiesAt(path: string) {
  return parties.find((rule) => rule.path.test(path))
}

function keep<T>(list: T[], entry: T): void {
  list.push(entry)
  if (list.length > maxEntries) list.shift()
}

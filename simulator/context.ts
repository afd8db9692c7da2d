/**
 * What every group of the operator's routes gets: the options, and the state that one request leaves for the next.
 * Types, and what several groups share. Built in `operator.ts`.
 */

import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { ApplicationJwtCheck } from './application-jwt.ts'
import type { HopRecorder } from './hops.ts'
import type { NumberRow } from './numbers.ts'
import type { Holder, Phone } from './phone.ts'
import type { Quota } from './quota.ts'
import type { Tickets } from './tickets.ts'
import type { Verifications } from './verify-v2/verifications.ts'

export interface OperatorOptions {
  host: string
  /** 0 takes any free port. */
  port: number
  /** The base of the APIs as others reach it; by default the address listened on. */
  operatorUrl: string | undefined
  /** The base of the URLs that devices open; by default that of the APIs. */
  deviceUrl: string | undefined
  applicationId: string
  /** The public half of the application's key. */
  publicKey: KeyObject
  redirectUri: string
  /** Where the phone reaches the service; an origin. */
  serviceUrl: string
  /** Asks the identity provider for an access token, for the phone. */
  issueAccessToken: (subject: string) => Promise<string>
  /** Network Enablement requests in every sliding second; 0 means no limit. */
  requestsPerSecond: number
  /** Epoch milliseconds. */
  now: () => number
  sleep: Sleep
}

/** Waits so many milliseconds, or rejects when the signal aborts. */
export type Sleep = (durationMs: number, signal: AbortSignal) => Promise<unknown>

/** What a start of the service began. */
interface Flow {
  phoneNumber: string
  row: NumberRow
  scope: string
  /** The caller's own state. */
  state: string
}

/** A device that opened an `auth_url`. */
export interface DeviceSession {
  flow: Flow
  network: 'cellular' | 'wifi'
}

/** What every group of routes gets. */
export interface OperatorContext {
  options: OperatorOptions
  /** The base of the URLs that devices open, known once the operator listens. */
  deviceUrl(): string
  checkApplicationJwt: ApplicationJwtCheck
  admit: Quota
  /** By the `v2_…` state inside an `auth_url`. */
  flows: Tickets<Flow>
  /** By the session that the hops of a device carry. */
  sessions: Tickets<DeviceSession>
  codes: Tickets<DeviceSession>
  accessTokens: Tickets<DeviceSession>
  /** Those of Verify v2, with the messages that they send. */
  verifications: Verifications
  hops: HopRecorder
  createPhone(holder?: Holder): Phone
  /** Aborted on close, so that late answers do not hold the process. */
  closing: AbortSignal
}

/** How long an access token lives (`expires_in` of a recorded answer of Vonage). */
export const accessTokenLifetimeSeconds = 29
/** The path of a request without its query. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? request.url
}

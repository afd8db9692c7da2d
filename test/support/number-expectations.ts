/**
 * Where a verification of each number of the virtual operator ends, and how. Written from the documents of both sides, and not from
 * either's tables.
 */
import type { FailureCode } from '../../src/core/failures.ts'
import { type Answer, openAuthUrl, type World } from './service.ts'

export type Step = 'start' | 'landing' | 'finish'
export type Expectation = readonly [step: Step, outcome: FailureCode | boolean]

/** Where a verification of this number ends, and how: with the result, or the code of a problem. Apart from the late ones. */
export const expectations: Record<string, Expectation> = {
  '+99012345678': ['finish', true],
  '+99012345677': ['finish', false],
  '+99011111199': ['landing', 'authorization_failed'],
  '+990000001001': ['start', 'network_not_supported'],
  '+990000001002': ['start', 'network_not_supported'],
  '+990000001003': ['start', 'network_not_supported'],
  '+990000001004': ['start', 'upstream_invalid'],
  '+990000001005': ['start', 'upstream_invalid'],
  '+990000001006': ['finish', true],
  '+990000001007': ['finish', true],
  '+990000001008': ['start', 'upstream_refused'],
  '+990000001009': ['start', 'network_not_supported'],
  '+990000001010': ['start', 'upstream_invalid'],
  '+990000001011': ['start', 'upstream_busy'],
  '+990000001012': ['start', 'upstream_invalid'],
  '+990000001013': ['start', 'upstream_invalid'],
  '+990000001014': ['start', 'upstream_invalid'],
  '+990000001016': ['start', 'upstream_invalid'],
  '+990000001017': ['start', 'upstream_invalid'],
  '+990000001020': ['landing', 'authorization_failed'],
  '+990000001021': ['landing', 'authorization_failed'],
  '+990000001022': ['landing', 'authorization_failed'],
  '+990000001023': ['landing', 'invalid_state'],
  '+990000001030': ['finish', 'code_rejected'],
  '+990000001031': ['finish', 'upstream_refused'],
  '+990000001032': ['finish', 'upstream_invalid'],
  '+990000001033': ['finish', 'upstream_invalid'],
  '+990000001035': ['finish', 'outcome_unknown'],
  '+990000001040': ['finish', false],
  '+990000001041': ['finish', 'not_on_carrier_network'],
  '+990000001042': ['finish', 'upstream_refused'],
  '+990000001043': ['finish', 'upstream_refused'],
  '+990000001044': ['finish', 'upstream_refused'],
  '+990000001045': ['finish', 'upstream_invalid'],
  '+990000001046': ['finish', 'upstream_invalid'],
  '+990000001047': ['finish', 'upstream_invalid'],
  '+990000001048': ['finish', 'upstream_invalid'],
  '+990000001049': ['finish', 'upstream_invalid'],
  '+990000001051': ['finish', 'outcome_unknown'],
  '+990555000199': ['landing', 'authorization_failed'],
  '+990555000102': ['finish', true],
  '+990555000103': ['finish', false],
  '+447700900123': ['start', 'network_not_supported'],
}

/** Numbers with which the operator keeps the service waiting. */
export const lateExpectations: Record<string, Expectation> = {
  '+990000001015': ['start', 'upstream_timeout'],
  '+990000001034': ['finish', 'outcome_unknown'],
  '+990000001050': ['finish', 'outcome_unknown'],
}

/** Runs a verification as far as it goes. */
export async function verify(world: World, token: string, phoneNumber: string): Promise<[Step, Answer]> {
  const started = await world.start(token, phoneNumber)
  if (started.status !== 200) return ['start', started]
  const landed = await openAuthUrl(String(started.body.auth_url))
  if (landed.status !== 200) return ['landing', landed]
  return ['finish', await world.finish(token, landed.text)]
}

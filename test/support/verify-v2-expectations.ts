/**
 * Where a verification of each number of the virtual Verify v2 ends, and how. Written from the documents of both sides, and not from
 * either's tables.
 */
import type { FailureCode } from '../../src/core/failures.ts'
import type { Step } from './number-expectations.ts'

/** With the result, the code of a problem of ours, or the status of Vonage's own problem, which the device alone gets. */
export type VerifyV2Expectation = readonly [step: Step, outcome: FailureCode | true | number]

/** In an order in which no five faults in a row open a circuit. */
export const verifyV2Expectations: Record<string, VerifyV2Expectation> = {
  '+99012345678': ['finish', true],
  '+99012345677': ['landing', 412],
  '+99011111199': ['landing', 412],
  '+447700900123': ['finish', true],
  '+447700900200': ['start', 'network_not_supported'],
  '+447700900201': ['start', 'upstream_refused'],
  '+447700900202': ['start', 'verification_in_progress'],
  '+447700900203': ['start', 'network_not_supported'],
  '+447700900204': ['start', 'upstream_refused'],
  '+447700900205': ['start', 'upstream_refused'],
  '+447700900206': ['start', 'upstream_refused'],
  '+447700900208': ['start', 'upstream_invalid'],
  '+447700900209': ['start', 'upstream_busy'],
  '+447700900210': ['start', 'upstream_invalid'],
  '+447700900211': ['start', 'upstream_invalid'],
  '+447700900220': ['landing', 412],
  '+447700900212': ['start', 'upstream_invalid'],
  '+447700900213': ['start', 'upstream_invalid'],
  '+447700900214': ['start', 'upstream_invalid'],
  '+447700900221': ['landing', 412],
  '+447700900215': ['start', 'upstream_invalid'],
  // A connection that had served before was closed without a byte: the start is sent once more, and finds the first one running.
  '+447700900217': ['start', 'verification_in_progress'],
  '+447700900222': ['landing', 401],
  '+447700900218': ['start', 'upstream_invalid'],
  '+447700900223': ['landing', 404],
  '+447700900224': ['landing', 409],
  '+447700900230': ['finish', 'code_rejected'],
  '+447700900231': ['finish', 'code_rejected'],
  '+447700900232': ['finish', 'code_rejected'],
  '+447700900233': ['finish', 'code_rejected'],
  '+447700900234': ['finish', 'upstream_refused'],
  '+447700900235': ['finish', 'upstream_refused'],
  '+447700900236': ['finish', 'upstream_busy'],
  '+447700900237': ['finish', 'upstream_invalid'],
  '+447700900238': ['finish', 'outcome_unknown'],
  '+447700900239': ['finish', 'upstream_invalid'],
  '+447700900240': ['finish', 'upstream_invalid'],
  '+447700900242': ['finish', 'outcome_unknown'],
  '+447700900250': ['finish', true],
  '+447700900243': ['finish', 'outcome_unknown'],
  // What these numbers do they do by SMS.
  '+447700900251': ['finish', true],
  '+447700900252': ['finish', true],
  '+447700900253': ['finish', true],
  '+447700900254': ['finish', true],
  '+447700900255': ['finish', true],
  '+447700900256': ['finish', true],
  '+447700900257': ['finish', true],
  '+447700900260': ['finish', true],
  '+447700900261': ['finish', true],
  '+447700900262': ['finish', true],
  // Last, since it stops the starts of the whole account for a while.
  '+447700900207': ['start', 'upstream_busy'],
}

/** Numbers whose device gets nothing that it could post. */
export const voidAtTheDevice = ['+447700900225', '+447700900226']

/** Numbers with which Vonage keeps the service waiting. */
export const lateVerifyV2Expectations: Record<string, VerifyV2Expectation> = {
  '+447700900216': ['start', 'upstream_timeout'],
  '+447700900241': ['finish', 'outcome_unknown'],
}

/**
 * What is kept at rest of a verification under way, and of its result, both sealed (`sealed.ts`): the members' names are short, and
 * what does not fit counts as unknown.
 */
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { parsePhoneNumber } from '../core/phone-number.ts'
import type { KeptResult, PendingVerification } from '../core/ports.ts'
import { seal, unseal } from './sealed.ts'

/** Number, scope, and the operator's own name of the verification. */
const Pending = Type.Object({ n: Type.String(), s: Type.String(), r: Type.Optional(Type.String()) })
/** Number, whether it is verified, and the receipt. */
const Kept = Type.Object({ n: Type.String(), v: Type.Boolean(), r: Type.Optional(Type.String()) })
const pendingForm = TypeCompiler.Compile(Pending)
const keptForm = TypeCompiler.Compile(Kept)

export function sealRecord({ phoneNumber, scope, requestId }: PendingVerification, state: string): string {
  const plain: Static<typeof Pending> = { n: phoneNumber.reveal(), s: scope }
  if (requestId !== undefined) plain.r = requestId
  return seal('record', state, plain)
}

/** @returns undefined for what this state did not seal */
export function openRecord(record: string, state: string): PendingVerification | undefined {
  const value = unseal('record', state, record)
  const phoneNumber = pendingForm.Check(value) && parsePhoneNumber(value.n)
  if (!phoneNumber) return undefined
  return { phoneNumber, scope: value.s, ...(value.r !== undefined && { requestId: value.r }) }
}

export function sealResult({ phoneNumber, verified, receipt }: KeptResult, state: string): string {
  const kept = { n: phoneNumber.reveal(), v: verified, ...(receipt !== undefined && { r: receipt }) }
  return seal('result', state, kept satisfies Static<typeof Kept>)
}

/** @returns undefined for what this state did not seal */
export function openResult(result: string, state: string): KeptResult | undefined {
  const value = unseal('result', state, result)
  const phoneNumber = keptForm.Check(value) && parsePhoneNumber(value.n)
  return phoneNumber
    ? { phoneNumber, verified: value.v, ...(value.r !== undefined && { receipt: value.r }) }
    : undefined
}

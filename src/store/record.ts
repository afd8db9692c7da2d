/**
 * What is kept at rest of a verification under way, and of its result, both sealed (`sealed.ts`): the members' names are short, and
 * what does not fit counts as unknown.
 */
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { parsePhoneNumber } from '../core/phone-number.ts'
import type { PendingVerification, Result } from '../core/ports.ts'
import { seal, unseal } from './sealed.ts'

/** Number, scope, and the operator's own name of the verification. */
const Pending = Type.Object({ n: Type.String(), s: Type.String(), r: Type.Optional(Type.String()) })
/** Number, and whether it is verified. */
const Kept = Type.Object({ n: Type.String(), v: Type.Boolean() })
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

export function sealResult({ phoneNumber, verified }: Required<Result>, state: string): string {
  return seal('result', state, { n: phoneNumber.reveal(), v: verified } satisfies Static<typeof Kept>)
}

/** @returns undefined for what this state did not seal */
export function openResult(result: string, state: string): Required<Result> | undefined {
  const value = unseal('result', state, result)
  const phoneNumber = keptForm.Check(value) && parsePhoneNumber(value.n)
  return phoneNumber ? { phoneNumber, verified: value.v } : undefined
}

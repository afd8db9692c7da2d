/**
 * What is kept at rest of a verification under way, and of its result, both sealed (`sealed.ts`): the members' names are short, and
 * what does not fit counts as unknown.
 */
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { parsePhoneNumber } from '../core/phone-number.ts'
import type { PendingVerification, Result } from '../core/ports.ts'
import { seal, unseal } from './sealed.ts'

/** Number and scope. */
const Pending = Type.Object({ n: Type.String(), s: Type.String() })
/** Number, and whether it is verified. */
const Kept = Type.Object({ n: Type.String(), v: Type.Boolean() })
const pendingForm = TypeCompiler.Compile(Pending)
const keptForm = TypeCompiler.Compile(Kept)

export function sealRecord({ phoneNumber, scope }: PendingVerification, state: string): string {
  return seal('record', state, { n: phoneNumber.reveal(), s: scope } satisfies Static<typeof Pending>)
}

/** @returns undefined for what this state did not seal */
export function openRecord(record: string, state: string): PendingVerification | undefined {
  const value = unseal('record', state, record)
  const phoneNumber = pendingForm.Check(value) && parsePhoneNumber(value.n)
  return phoneNumber ? { phoneNumber, scope: value.s } : undefined
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

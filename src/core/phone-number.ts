/**
 * E.164 phone numbers: parsing and hiding. Pure; no I/O.
 * A number is personal data, so the value that travels through the service does not print itself.
 */

/** `+`, then 7 to 15 digits, the first not 0. @see ITU-T E.164, section 6 */
const e164 = /^\+[1-9][0-9]{6,14}$/

/**
 * The calling codes as ITU-T E.164 hands them out: 1, 7, and 2x to 9x, where what is not a code of two digits has three.
 * So also for codes that nobody has, such as the virtual operator's 990.
 */
const callingCodeForm = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-689][0-9]{2})/

const virtualCallingCode = '990'

export type { PhoneNumber }

class PhoneNumber {
  readonly #text: string
  readonly #callingCode: string

  constructor(text: string) {
    this.#text = text
    this.#callingCode = callingCodeOf(text)
  }

  /** Without the plus sign, 1 to 3 digits: the one thing about the number that may be counted and logged. */
  get callingCode(): string {
    return this.#callingCode
  }

  /** Whether it is the virtual operator's: it has no SIM, so it gets no messages. */
  get isVirtual(): boolean {
    return this.#callingCode === virtualCallingCode
  }

  /** The full number, such as `+99012345678`. Call it only where the number leaves for Vonage or is compared. */
  reveal(): string {
    return this.#text
  }

  /** The masked form. `String(number)`, template literals and JSON all get this. */
  toString(): string {
    return `+…${this.#text.slice(-2)}`
  }

  toJSON(): string {
    return this.toString()
  }
}

export function isPhoneNumber(text: string): boolean {
  return e164.test(text)
}

/** @param text must be a phone number */
export function callingCodeOf(text: string): string {
  const [, callingCode] = callingCodeForm.exec(text) as RegExpExecArray
  return callingCode as string
}

/**
 * @returns undefined when the text is not a possible number. Syntax alone decides: a numbering-plan library would refuse the
 * virtual operator's unassigned `+990`.
 */
export function parsePhoneNumber(text: string): PhoneNumber | undefined {
  return isPhoneNumber(text) ? new PhoneNumber(text) : undefined
}

/** @param callingCodes digits without `+`; when there are any, the number must start with one of them */
export function hasCallingCode(phoneNumber: PhoneNumber, callingCodes: readonly string[]): boolean {
  const text = phoneNumber.reveal()
  return callingCodes.length === 0 || callingCodes.some((callingCode) => text.startsWith(callingCode, 1))
}

/**
 * E.164 phone numbers: parsing and hiding. Pure; no I/O.
 * A number is personal data, so the value that travels through the service does not print itself.
 */

/** `+`, then 7 to 15 digits, the first not 0. @see ITU-T E.164, section 6 */
const e164 = /^\+[1-9][0-9]{6,14}$/

export interface PhoneNumber {
  /** The full number, such as `+99012345678`. Call it only where the number leaves for Vonage or is compared. */
  reveal(): string
  /** The masked form. `String(number)`, template literals and JSON all get this. */
  toString(): string
  toJSON(): string
}

/**
 * @param callingCodes digits without `+`; when there are any, the number must start with one of them
 * @returns undefined when the text is not a possible number, or its calling code is not allowed. Syntax alone decides:
 * a numbering-plan library would refuse the virtual operator's unassigned `+990`.
 */
export function parsePhoneNumber(
  text: string,
  callingCodes: readonly string[] = [],
): PhoneNumber | undefined {
  if (!e164.test(text)) return undefined
  if (callingCodes.length > 0 && !callingCodes.some((callingCode) => text.startsWith(callingCode, 1)))
    return undefined
  const masked = `+…${text.slice(-2)}`
  return Object.freeze({ reveal: () => text, toString: () => masked, toJSON: () => masked })
}

/** What the text of a setting means by its schema, and what is said of a text that means nothing. */
import type { TSchema } from '@sinclair/typebox'

/** Text that is not of the type stays text, so that the schema reports it. */
export function parseValue(text: string, { type }: TSchema): unknown {
  if (type === 'integer' && /^\d{1,15}$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  if (type === 'array') return text.split(',').flatMap((item) => item.trim() || [])
  return text
}

/** As Docker leaves them where an env file has them, and as no setting wants them. */
export function hasQuotes(text: string): boolean {
  return /^\s*(?:"[\s\S]*"|'[\s\S]*')\s*$/.test(text)
}

/** For all texts that the schema refuses. It holds nothing of any. */
export function expectationOf(schema: TSchema): string {
  const { type, items, minimum, maximum, description, default: fallback } = schema
  if (schema.expected !== undefined) return `expected ${schema.expected}`
  if (type === 'integer')
    return `expected a whole number from ${minimum} to ${maximum}, in digits alone, such as ${fallback}`
  if (type === 'boolean') return 'expected true or false, in lower case'
  const { anyOf } = (items ?? schema) as TSchema
  if (anyOf === undefined) return `not accepted. ${description}`
  return `expected ${items ? 'a list of these' : 'one of these'}, spelled so: ${anyOf.map((one: TSchema) => one.const).join(', ')}`
}

/** For a setting that must be given and is not. */
export function requirementOf({ description, secret }: TSchema, name: string): string {
  return `required, and not set${secret ? `, nor is ${name}_FILE` : ''}. ${description}`
}

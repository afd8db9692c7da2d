/** The shapes that settings have. Read by `settings.ts` alone. */
import { type TSchema, Type } from '@sinclair/typebox'

export const text = (description: string, fallback?: string) =>
  Type.String({ minLength: 1, description, ...(fallback !== undefined && { default: fallback }) })
export const secretText = (
  description: string,
  reading: { privateKey?: string[] | 'any'; certificate?: true } = {},
) => Type.String({ minLength: 1, secret: true, ...reading, description })
/** @param privateKey the kinds that are accepted, as `key-text.ts` calls them */
export const privateKeyText = (description: string, privateKey: string[] | 'any') =>
  secretText(description, { privateKey })
export const certificateText = (description: string) => secretText(description, { certificate: true })
export const integer = (description: string, fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: fallback, minimum, maximum })
/** @param expected said of a value that the schema of the items refuses, where that does not tell by itself */
export const list = (
  description: string,
  fallback: string[],
  items: TSchema = Type.String({ minLength: 1 }),
  expected?: string,
) =>
  Type.Unsafe<string[]>(Type.Array(items, { description, default: fallback, ...(expected && { expected }) }))

export const requiredList = (description: string) =>
  Type.Unsafe<string[]>(Type.Array(Type.String({ minLength: 1 }), { description }))

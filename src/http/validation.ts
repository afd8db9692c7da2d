/**
 * What Fastify checks requests with: TypeBox, as for the answers of Vonage. Fastify's own choice (Ajv, and a compiler of serializers)
 * would be a fifth of the time to start and 9 MB; the routes' answers are few and flat, so `JSON.stringify` writes them.
 */
import type { TObject } from '@sinclair/typebox'
import { TypeCompiler, type ValueError, ValueErrorType } from '@sinclair/typebox/compiler'
import type { FastifyError, FastifyServerOptions } from 'fastify'

type Fault = NonNullable<FastifyError['validation']>[number]

/** Says where a value does not fit, at the first such place; never what stands there. */
export type Validator = (value: unknown) => true | { error: Fault[] }

export function createValidator(schema: TObject): Validator {
  const check = TypeCompiler.Compile(schema)
  return (value) => {
    if (check.Check(value)) return true
    return { error: [toFault(check.Errors(value).First() as ValueError)] }
  }
}

type SchemaController = NonNullable<FastifyServerOptions['schemaController']>

/** Fastify would load its own compilers even when others are set later. Its types for these know only Ajv's. */
export const compilersFactory = {
  buildValidator: () => (route: { schema: TObject }) => createValidator(route.schema),
  buildSerializer: () => () => JSON.stringify,
} as unknown as Required<SchemaController>['compilersFactory']

const keywords: Partial<Record<ValueErrorType, string>> = {
  [ValueErrorType.ObjectRequiredProperty]: 'required',
  [ValueErrorType.ObjectAdditionalProperties]: 'additionalProperties',
  [ValueErrorType.StringMinLength]: 'minLength',
  [ValueErrorType.StringMaxLength]: 'maxLength',
  [ValueErrorType.StringPattern]: 'pattern',
}

/** In the terms of JSON Schema. `instancePath` names the member that is missing, but not one that should not be there. */
function toFault({ type, path, schema }: ValueError): Fault {
  const keyword = keywords[type] ?? 'type'
  const instancePath = keyword === 'additionalProperties' ? path.slice(0, path.lastIndexOf('/')) : path
  return { keyword, instancePath, schemaPath: '', params: { type: schema.type } }
}

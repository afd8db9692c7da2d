/**
 * The OpenAPI document: made from the route schemas, so that it cannot say anything else than the code does.
 */
import type {} from '@fastify/swagger'
import { type TSchema, Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifySchema } from 'fastify'
import type { FailureCode } from '../core/failures.ts'
import { type ApiDocument, addHeaders, headers, parameters } from './openapi-headers.ts'
import { problemMediaType, toProblem } from './problem.ts'
import { nextActions, problemTypes } from './problem-types.ts'

const version = '0.1.0'

const description = `Verifies a phone number silently, over the carrier's network.

1. \`POST /v1/network-enablement\` starts.
2. The device opens \`auth_url\`, over the cellular network when \`requires_carrier_network\` is true, and is redirected to
   the landing page, which hands it \`code\` and \`state\`.
3. \`POST /v1/number-verification\` finishes, with the access token of the same user.

Every answer that is not a 2xx is an RFC 9457 problem document. Switch on its \`next_action\`, and log its \`request_id\`.`

/** Printable ASCII, like all fixed texts here. */
const fixedText = (maxLength: number, description: string) =>
  Type.String({ maxLength, pattern: '^[ -~]+$', description })

/**
 * Of a list that may grow. Not an enum: a client that was made from this document must not break on a new value.
 * @see Zalando RESTful API Guidelines, rule 112, for `x-extensible-enum`
 */
const openList = (known: readonly string[], description: string) =>
  Type.String({ maxLength: 64, pattern: '^[a-z_]+$', 'x-extensible-enum': [...known], description })

const problemSchema = Type.Object(
  {
    type: Type.String({
      format: 'uri',
      maxLength: 128,
      description: 'Stable name of the kind of problem; ends in the code.',
    }),
    title: fixedText(64, 'Fixed text for the kind of problem.'),
    status: Type.Integer({ format: 'int32', minimum: 400, maximum: 599, description: 'The HTTP status.' }),
    detail: fixedText(256, 'Fixed text on what to do.'),
    code: openList(Object.keys(problemTypes), 'Stable code of the problem. The list may grow.'),
    request_id: Type.String({
      maxLength: 64,
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      description: 'Also in X-Request-Id. Quote it when asking for help.',
    }),
    next_action: openList(
      nextActions,
      'What the app should do now. The list may grow: take an unknown one for `give_up`.',
    ),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({
            maxLength: 256,
            pattern: '^(/[ -~]*)?$',
            description: 'JSON pointer into the request body.',
          }),
          detail: fixedText(128, 'What is expected there.'),
        }),
        { maxItems: 16, description: 'Where the request does not fit.' },
      ),
    ),
  },
  { $id: 'Problem', description: 'RFC 9457 problem document.' },
)

/** Problems that any route can answer with. */
const common: FailureCode[] = [
  'invalid_request',
  'request_timeout',
  'unsupported_media_type',
  'headers_too_large',
  'overloaded',
  'internal',
]
/** Problems of every guarded route. */
export const guardedProblems: FailureCode[] = [
  'missing_token',
  'invalid_token',
  'insufficient_scope',
  'idp_unavailable',
  'rate_limited',
]
/** Problems of every route with a body. */
export const bodyProblems: FailureCode[] = ['payload_too_large']

/**
 * Told in the document and not held against a request, whose own problem says more than `invalid_request` would.
 * @see describeApi
 */
export const documented = (members: { pattern: string; maxLength: number }) => ({ documented: members })

declare module 'fastify' {
  interface FastifySchema {
    /** The codes that the route may answer with, beside the common ones. Documentation only: no serializer is built for them. */
    problems?: readonly FailureCode[]
  }
}

/** Must run before the routes are registered. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  const { default: fastifySwagger } = await import('@fastify/swagger')
  app.addSchema(problemSchema)
  await app.register(fastifySwagger, {
    transform({ schema: { problems = [], ...schema }, url }) {
      const told = asDocumented(schema) as FastifySchema
      return {
        url,
        schema: { ...told, response: { ...(told.response as object), ...problemResponses(problems) } },
      }
    },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Network Enablement BFF',
        version,
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'verification', description: 'Calls of the mobile app.' },
        { name: 'receipts', description: 'Calls of backends that are handed a receipt.' },
        { name: 'operations', description: 'Calls of whoever runs the service.' },
      ],
      components: {
        securitySchemes: {
          accessToken: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description:
              "Access token of the company's identity provider (RFC 9068), checked as RFC8725 says.",
          },
        },
      },
    },
    refResolver: { buildLocalReference: (json) => String(json.$id) },
  })
}

/** With what is told beside what is held against a request. */
function asDocumented(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asDocumented)
  if (typeof schema !== 'object' || schema === null) return schema
  const { documented: told, ...members } = schema as { documented?: object }
  return {
    ...Object.fromEntries(Object.entries(members).map(([name, value]) => [name, asDocumented(value)])),
    ...told,
  }
}

/**
 * The document, when all routes are registered.
 * @param publicUrl where apps reach this service
 */
export function apiDocument(app: FastifyInstance, publicUrl: string): object {
  const document = app.swagger() as unknown as ApiDocument
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path)))
    addHeaders(
      operation,
      ({ content }) => Object.keys(content?.[problemMediaType]?.examples ?? {}) as FailureCode[],
    )
  return {
    ...document,
    servers: [{ url: publicUrl, description: 'The public listener.', 'x-internal': false }],
    components: { ...document.components, headers, parameters },
  }
}

/** Responses for these codes and the common ones: one per status, with an example per code. */
function problemResponses(codes: readonly FailureCode[]): Record<string, unknown> {
  const byStatus = Map.groupBy([...codes, ...common], (code) => problemTypes[code].status)
  return {
    ...Object.fromEntries([...byStatus].map(([status, sameStatus]) => [status, problemResponse(sameStatus)])),
    default: {
      description: 'Any other problem, such as a path or method that is not here.',
      content: { [problemMediaType]: { schema: Type.Ref('Problem#') as TSchema } },
    },
  }
}

function problemResponse(codes: FailureCode[]): unknown {
  const examples = codes.map((code) => [
    code,
    { summary: problemTypes[code].title, value: toProblem(code, '5f0c7a52-7d3c-4a53-9f0e-1f2d3c4b5a69') },
  ])
  return {
    description: codes.map((code) => `\`${code}\`: ${problemTypes[code].title}.`).join(' '),
    content: {
      [problemMediaType]: { schema: Type.Ref('Problem#') as TSchema, examples: Object.fromEntries(examples) },
    },
  }
}

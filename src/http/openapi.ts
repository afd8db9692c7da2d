/**
 * The OpenAPI document: made from the route schemas, so that it cannot say anything else than the code does.
 */
import type {} from '@fastify/swagger'
import { type TSchema, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import type { FailureCode } from '../core/failures.ts'
import { problemMediaType, toProblem } from './problem.ts'
import { nextActions, problemTypes } from './problem-types.ts'

const version = '0.1.0'

const description = `Verifies a phone number silently, over the carrier's network.

1. \`POST /v1/network-enablement\` starts.
2. The device opens \`auth_url\`, over the cellular network when \`requires_carrier_network\` is true, and is redirected to
   the landing page, which hands it \`code\` and \`state\`.
3. \`POST /v1/number-verification\` finishes, with the access token of the same user.

Every answer that is not a 2xx is an RFC 9457 problem document. Switch on its \`next_action\`, and log its \`request_id\`.`

const problemSchema = Type.Object(
  {
    type: Type.String({
      format: 'uri',
      description: 'Stable name of the kind of problem; ends in the code.',
    }),
    title: Type.String({ description: 'Fixed text for the kind of problem.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'Fixed text on what to do.' }),
    code: Type.Unsafe<FailureCode>(
      Type.String({ enum: Object.keys(problemTypes), description: 'Stable code of the problem.' }),
    ),
    request_id: Type.String({ description: 'Also in X-Request-Id. Quote it when asking for help.' }),
    next_action: Type.String({ enum: [...nextActions], description: 'What the app should do now.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'JSON pointer into the request body.' }),
          detail: Type.String({ description: 'What is expected there.' }),
        }),
        { description: 'Where the request does not fit.' },
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
    transform: ({ schema: { problems = [], ...schema }, url }) => ({
      url,
      schema: { ...schema, response: { ...(schema.response as object), ...problemResponses(problems) } },
    }),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Network Enablement BFF',
        version,
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'verification', description: 'Calls of the mobile app.' },
        { name: 'operations', description: 'Calls of whoever runs the service.' },
      ],
      components: {
        securitySchemes: {
          accessToken: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: "Access token of the company's identity provider (RFC 9068).",
          },
        },
      },
    },
    refResolver: { buildLocalReference: (json) => String(json.$id) },
  })
}

/** Responses for these codes and the common ones: one per status, with an example per code. */
function problemResponses(codes: readonly FailureCode[]): Record<number, unknown> {
  const byStatus = Map.groupBy([...codes, ...common], (code) => problemTypes[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [status, problemResponse(sameStatus)]),
  )
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

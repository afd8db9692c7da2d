/**
 * Builds everything from the settings and connects it; owns the order of opening and closing. The only file that knows all parts.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { openAccessTokens } from './access-tokens.ts'
import type { Config } from './config.ts'
import { ServiceFailure } from './core/failures.ts'
import { createKeyedDigest } from './core/keyed-digest.ts'
import type { Clock } from './core/ports.ts'
import { createSmsVerification } from './core/sms-verification.ts'
import { createVerification } from './core/verification.ts'
import { createManagementServer } from './http/management.ts'
import { createServer, describeServer, type ServerOptions } from './http/server.ts'
import { createKeyFiles } from './key-files.ts'
import { listen } from './listening.ts'
import { openLog } from './observability/logger.ts'
import { createMetrics } from './observability/metrics.ts'
import type { Tracing } from './observability/tracing.ts'
import { openPrivateKeys } from './private-keys.ts'
import { openReceipts } from './receipt-keys.ts'
import { startWarnings } from './settings/warnings.ts'
import { requestTimeoutMs } from './settings.ts'
import { openStores } from './stores.ts'
import { openVonage } from './vonage/open.ts'

const systemClock: Clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

export interface Service {
  /** Where the public listener answers, such as `http://127.0.0.1:3000`. */
  url: string
  managementUrl: string
  /**
   * Not ready from the call on; serves for SHUTDOWN_DELAY_MS more, then closes and waits for the requests under way.
   * @param crash the error that nobody caught, if that is why
   */
  close(crash?: Error): Promise<void>
}

/** Resolves when both listeners listen. It does not wait for the identity provider or Vonage. */
export async function openService(config: Config): Promise<Service> {
  const clock = systemClock
  const metrics = createMetrics(config.ALLOWED_CALLING_CODES)
  const { events } = metrics
  const log = openLog({ level: config.LOG_LEVEL, events })
  for (const warning of startWarnings(config)) log.logger.warn(warning)
  const tracing = await openTracing(config)

  const digest = createKeyedDigest(config.VONAGE_PRIVATE_KEY)
  const { store, counters, permits, landings, starts, codes, ...stores } = await openStores(config, {
    clock,
    digest,
    log: log.logger,
    events,
    inSpan: tracing?.inSpan,
  })

  const accessTokens = await openAccessTokens(config, { clock, digest, log: log.logger })

  const keyFiles = createKeyFiles(config, log.logger)
  const keyContext = { keyFiles, clock, log: log.logger, events }
  const privateKeys = openPrivateKeys(config, keyContext)
  const receipts = await openReceipts(config, keyContext)
  const vonage = openVonage(config, {
    applicationJwt: privateKeys,
    permits,
    underWay: starts,
    clock,
    events,
    inSpan: tracing?.inSpan,
  })

  const { operator, sender } = vonage
  const verification = createVerification({
    operator,
    sms: config.SMS_FALLBACK
      ? createSmsVerification({ sender, operator, codes, events, codeLength: config.SMS_CODE_LENGTH })
      : undefined,
    store,
    // With Verify the device lands at Vonage, so nobody is waited for here.
    landings: config.VONAGE_PRODUCT === 'verify' ? { ...landings, expect: () => undefined } : landings,
    events,
    receipts,
    scopes: config.VONAGE_SCOPES,
    callingCodes: config.ALLOWED_CALLING_CODES,
    ownNumberOnly: config.AUTH_PHONE_NUMBER_CLAIM !== undefined,
  })

  let draining = false
  async function checkReady(): Promise<void> {
    if (draining) throw new ServiceFailure('shutting_down')
    await store.ping()
  }
  metrics.watch({
    quotaWaiting: vonage.waiting,
    circuits: vonage.circuits,
    liveStates: stores.liveStates,
    jwksAgeSeconds: accessTokens.keyAgeSeconds,
    applicationJwtAgeSeconds: privateKeys.ageSeconds,
    keyFiles: keyFiles.states,
    receiptKeys: () => receipts?.keySet().keys ?? [],
  })
  async function metricsText(): Promise<string> {
    await landings.countExpired()
    return metrics.text()
  }

  const listener = {
    requestTimeoutMs,
    maxHeadBytes: config.MAX_HEADER_BYTES,
    keepAliveTimeoutMs: config.KEEP_ALIVE_TIMEOUT_SECONDS * 1000,
    checkReady,
    isDraining: () => draining,
    log: log.logger,
    events,
  }
  const serverOptions: ServerOptions = {
    ...listener,
    trustedProxies: config.TRUSTED_PROXIES,
    verification,
    accessTokens,
    keySet: receipts?.keySet,
    beginServerSpan: tracing?.beginServerSpan,
    rateLimits: {
      counters,
      digest,
      addressPerMinute: config.RATE_LIMIT_ADDRESS_PER_MINUTE,
      callerPerMinute: config.RATE_LIMIT_CALLER_PER_MINUTE,
      numberPerHour: config.RATE_LIMIT_NUMBER_PER_HOUR,
      distinctNumbersPerDay: config.RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY,
      smsPerNumberPerHour: config.RATE_LIMIT_SMS_PER_NUMBER_PER_HOUR,
      events,
    },
  }
  const server = await createServer(serverOptions)
  const management = await createManagementServer({
    ...listener,
    openApiDocument: () => describeServer(serverOptions, publicOrigin(config)),
    metricsText,
  })

  async function closeAll(): Promise<void> {
    keyFiles.close()
    await server.close()
    await management.close()
    await vonage.close()
    // A finish whose caller left still keeps its result.
    await setImmediate()
    await stores.close()
    await tracing?.close()
    await log.close()
  }

  accessTokens.warm()
  let service: Pick<Service, 'url' | 'managementUrl'>
  try {
    const { MANAGEMENT_HOST, MANAGEMENT_PORT, HOST, PORT } = config
    const managementUrl = await listen(management, MANAGEMENT_HOST, MANAGEMENT_PORT, 'MANAGEMENT_')
    service = { managementUrl, url: await listen(server, HOST, PORT) }
  } catch (error) {
    await closeAll()
    throw error
  }
  log.logger.info({ url: service.url, management_url: service.managementUrl }, 'listening')
  log.flush()

  return {
    ...service,
    async close(crash) {
      if (crash) log.logger.fatal({ err: crash }, 'crashed')
      draining = true
      await setTimeout(config.SHUTDOWN_DELAY_MS)
      await closeAll()
    },
  }
}

/** As the phones reach us, where the settings say so. */
function publicOrigin({ VONAGE_REDIRECT_URI: redirectUri }: Config): string {
  return redirectUri === undefined ? '/' : new URL(redirectUri).origin
}

/** OpenTelemetry is loaded only where it is used. */
async function openTracing(config: Config): Promise<Tracing | undefined> {
  if (config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return undefined
  const { createTracing } = await import('./observability/tracing.ts')
  return createTracing({
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    serviceName: config.OTEL_SERVICE_NAME,
  })
}

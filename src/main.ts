/**
 * The process: settings from the environment, signals, and exit codes.
 * `--check-config` reads the settings, says what is wrong with them, and exits; with `--live` it also asks what they name, and with
 * `--number` Vonage. `--token-file` tries an access token.
 */
import closeWithGrace from 'close-with-grace'
import { openService } from './compose.ts'
import { type Config, ConfigError, parseConfig, secretNames } from './config.ts'

function readConfig(): Config {
  try {
    return parseConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}:\n${error.problems.map((problem) => `  ${problem}\n`).join('')}`)
    process.stderr.write('.env.example lists every setting. To try the service without any: npm run demo\n')
    process.exit(1)
  }
}

const config = readConfig()
for (const name of secretNames) delete process.env[name]

/** What follows an option; nothing: an empty text. */
function argumentOf(option: string): string | undefined {
  const at = process.argv.indexOf(option)
  return at < 0 ? undefined : (process.argv[at + 1] ?? '')
}

if (process.argv.includes('--check-config')) {
  const { preflight } = await import('./preflight.ts')
  const passed = await preflight(config, {
    live: process.argv.includes('--live'),
    number: argumentOf('--number'),
    tokenFile: argumentOf('--token-file'),
    print: (line) => void process.stdout.write(`${line}\n`),
    warn: (line) => void process.stderr.write(`warning: ${line}\n`),
  })
  // Not waiting for what still hangs.
  process.exit(passed ? 0 : 1)
} else {
  const opening = openService(config).catch((error: Error) => {
    process.stderr.write(`cannot start: ${error.message}\n`)
    process.exit(1)
  })
  const delay = config.SHUTDOWN_DELAY_MS + config.SHUTDOWN_TIMEOUT_MS
  // Its own logger would print an error's message, which may quote a request.
  closeWithGrace({ delay, logger: false }, async ({ err }) => (await opening).close(err))
  await opening
}

/** What a Redis holds and is sent, as anyone who reads it would see it; and its time, moved. */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Owner, RedisServer } from './redis-server.ts'

const readAll = `
redis.call('SELECT', ARGV[1])
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local value = redis.call('DUMP', key)
  if kind == 'string' then value = redis.call('GET', key) end
  if kind == 'list' then value = cjson.encode(redis.call('LRANGE', key, 0, -1)) end
  if kind == 'zset' then value = cjson.encode(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')) end
  if kind == 'set' then value = cjson.encode(redis.call('SMEMBERS', key)) end
  all[#all + 1] = {key, kind, value, redis.call('PTTL', key)}
end
return all`

const shiftAll = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[1])
end`

const shiftScores = `
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('ZINCRBY', KEYS[1], -ARGV[1], member)
end`

export interface RedisEntry {
  key: string
  kind: string
  /** Lists and sets, sorted ones with their scores, as JSON. */
  value: string
  ttlMs: number
}

export async function contentsOf(
  { command }: Pick<RedisServer, 'command'>,
  database = 0,
): Promise<RedisEntry[]> {
  const rows = (await command('EVAL', readAll, 0, database)) as [string, string, string, number][]
  return rows.map(([key, kind, value, ttlMs]) => ({ key, kind, value, ttlMs }))
}

/** Shortens every key's life by so much, which is what time does; Redis drops what is past its end by itself. */
export async function passTime({ command }: Pick<RedisServer, 'command'>, ms: number): Promise<void> {
  await command('EVAL', shiftAll, 0, ms)
}

/** Sets the times that a sorted set holds back by so much, which is what time does to them. */
export async function forwardScores(
  { command }: Pick<RedisServer, 'command'>,
  key: string,
  ms: number,
): Promise<void> {
  await command('EVAL', shiftScores, 1, key, ms)
}

/** Every command from now on, with its arguments, one line each. */
export async function watchRedis(owner: Owner, { port }: RedisServer, password?: string): Promise<string[]> {
  const lines: string[] = []
  const socket = connect(Number(port), '127.0.0.1')
  owner.teardown(() => socket.destroy())
  // Not ioredis: it takes a command of others that comes with the answer to MONITOR for a broken answer.
  const commands = [...(password === undefined ? [] : [['AUTH', password]]), ['MONITOR']]
  for (const words of commands)
    socket.write(
      `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
    )
  let answers = 0
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    createInterface({ input: socket }).on('line', (line) => {
      if (line === '+OK' && ++answers === commands.length) resolve()
      else if (line.startsWith('-')) reject(new Error('MONITOR was refused'))
      else lines.push(argumentsIn(line).join(' '))
    })
  })
  return lines
}

/** The words of one command, as they were before Redis quoted them. */
function argumentsIn(line: string): string[] {
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([, quoted = '']) =>
    quoted.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, other: string) =>
      hex === undefined ? other : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  )
}

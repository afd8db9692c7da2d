/**
 * Containers through podman, confined as docker-compose.yml confines them. Used by image-checks.ts only.
 */
import { execFileSync, spawnSync } from 'node:child_process'

export const memoryMb = 256

const runtime = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs']
/** As `x-hardened` in docker-compose.yml. The two limits are what runc may set here. */
const hardening = `
  --network host --no-healthcheck --ulimit nofile=20000:20000 --ulimit nproc=10000:10000
  --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges
  --pids-limit 64 --memory ${memoryMb}m --memory-swap ${memoryMb}m
  --add-host redis:127.0.0.1 --add-host simulator:127.0.0.1 --add-host service:127.0.0.1`
  .trim()
  .split(/\s+/)

interface ImageFacts {
  Size: number
  Healthcheck?: { Test: string[] }
  Config: { User: string; Cmd: string[]; Env: string[] }
}

interface ContainerState {
  Status: string
  Pid: number
  ExitCode: number
  StartedAt: string
  FinishedAt: string
}

/** In the background, on the network of this process. @throws Error with what podman printed */
export function run(name: string, image: string, envFile: string, volume: string): void {
  const options = ['--detach', '--name', name, '--env-file', envFile, '--volume', volume]
  podman(...runtime, 'run', ...options, ...hardening, image)
}

/** A second process in a running container, with the same confinement. */
export function exec(name: string, command: string[], ...options: string[]) {
  return spawnSync('podman', [...runtime, 'exec', ...options, name, ...command], { encoding: 'utf8' })
}

/** @throws Error with what podman printed */
export function podman(...parameters: string[]): string {
  return execFileSync('podman', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

export function inspectImage(name: string): ImageFacts {
  return JSON.parse(podman('image', 'inspect', name))[0]
}

export function stateOf(name: string): ContainerState {
  return JSON.parse(podman('inspect', '--format', '{{json .State}}', name))
}

export function healthcheckOf(image: string): string[] {
  return inspectImage(image).Healthcheck?.Test.slice(1) ?? []
}

/** What it printed, on both streams, or nothing when there is no such container. */
export function logsOf(name: string): string {
  const { stdout, stderr } = spawnSync('podman', ['logs', name], { encoding: 'utf8' })
  return stdout + stderr
}

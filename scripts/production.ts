import { readFileSync } from 'node:fs'

/** An entry of package-lock.json. */
export interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly optional?: boolean
  /** Wanted for development, and by something in production that does without it. */
  readonly devOptional?: boolean
  readonly hasInstallScript?: boolean
}

export interface Lockfile {
  /** By path; '' is the project itself. */
  readonly packages: Readonly<Record<string, Locked>>
}

export function readLockfile(): Lockfile {
  return JSON.parse(readFileSync('package-lock.json', 'utf8'))
}

/** What `npm ci --omit=dev --omit=optional` installs, by path. */
export function productionPackages({ packages }: Lockfile): [string, Locked][] {
  return Object.entries(packages).filter(
    ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
  )
}

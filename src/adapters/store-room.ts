import { statfsSync } from 'node:fs'

/**
 * Throws, naming the directory, while its disk has less room than PostgreSQL needs at once: its log grows by files of 16 MB, and
 * where one of them cannot be made it breaks down in the middle of its work.
 */
export function createRoomGuard(directory: string, needed = NEEDED): () => void {
  let looked = Number.NEGATIVE_INFINITY
  let left: number | null = null
  return () => {
    if (performance.now() - looked > LOOK_EVERY_MS) {
      looked = performance.now()
      left = roomIn(directory)
    }
    if (left === null || left >= needed) return
    throw new Error(
      `the disk that holds ${directory} is full: ${inMegabytes(left)} MB are left, and ${inMegabytes(needed)} MB are needed. Make room there; nothing is taken until then`,
    )
  }
}

/** Two files of the log, and as much for everything else. */
const NEEDED = 64 * 2 ** 20
// What is written meanwhile is far less than what is kept free.
const LOOK_EVERY_MS = 200

/** Bytes; null where the file system does not say. */
function roomIn(directory: string): number | null {
  try {
    const { blocks, bavail, bsize } = statfsSync(directory)
    return blocks > 0 ? bavail * bsize : null
  } catch {
    return null
  }
}

function inMegabytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20)
}

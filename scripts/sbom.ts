import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { productionPackages, readLockfile } from './production.ts'

/**
 * The bill of materials of what production installs, as npm writes it: CycloneDX, JSON. It needs no installed packages.
 * npm's own `--omit dev` would leave out packages of production that a development package wants, too; so npm is shown
 * the part of the lockfile that production installs, and told to leave out nothing.
 */
export function billOfMaterials(): string {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-sbom-'))
  // npm names the project after its folder.
  const project = join(folder, 'portcullis')
  try {
    mkdirSync(project)
    writeFileSync(join(project, 'package.json'), JSON.stringify(withoutExtras(readManifest())))
    writeFileSync(join(project, 'package-lock.json'), JSON.stringify(productionLockfile()))
    const words = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application']
    const { status, error, stdout, stderr } = spawnSync('npm', words, {
      cwd: project,
      encoding: 'utf8',
      maxBuffer: 1e8,
    })
    if (status !== 0) throw new Error(`npm sbom failed: ${error?.message ?? stderr}`)
    return stdout
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readManifest(): object {
  return JSON.parse(readFileSync('package.json', 'utf8'))
}

function productionLockfile(): object {
  const lockfile = readLockfile()
  const root = withoutExtras({ ...lockfile.packages[''] })
  return { ...lockfile, packages: { '': root, ...Object.fromEntries(productionPackages(lockfile)) } }
}

function withoutExtras(manifest: object): object {
  const { devDependencies, optionalDependencies, ...rest } = manifest as Record<string, unknown>
  return rest
}

if (import.meta.main) {
  writeFileSync('sbom.cdx.json', billOfMaterials())
  console.log('sbom.cdx.json is written.')
}

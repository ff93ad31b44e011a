import { readFileSync } from 'node:fs'

/** The certificates in a PEM file, null when no file is set; throws an error that names the variable and the file. */
export function readCertificates(file: string | null, variable: string): string | null {
  if (file === null) return null
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`${variable}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new Error(`${variable}: ${file} holds no certificate in PEM form`)
  return text
}

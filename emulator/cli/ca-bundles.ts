import { composeBundle, readRoots, storeBundle, systemRoots } from '../gateway/port/bundle.ts';
import type { Environment } from './exec-env.ts';

/** Variables that replace a client's roots: their bundle must hold the public roots too. */
const REPLACING = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
] as const;
/** Replaces them as well, but only Nix's OpenSSL knows it: touched where it is set, since it beats SSL_CERT_FILE there. */
const REPLACING_IF_SET = ['NIX_SSL_CERT_FILE'] as const;
/** Variables that add to a client's own roots. */
const ADDING = ['NODE_EXTRA_CA_CERTS', 'DENO_CERT'] as const;

export interface CaBundles {
  /** Variable → file. */
  files: Record<string, string>;
  /** What the user should know, one line each. */
  notes: string[];
}

export interface CaBundleOptions {
  /** The emulator's CA certificate, PEM. */
  ca: string;
  /** Folder for the bundles; made when missing. */
  dir: string;
  /** The system's roots, PEM; read when first needed. */
  system?: () => string;
}

/**
 * Writes, for each variable by which a client takes its roots, a bundle of our CA and what the variable named in `env` (the
 * original environment), else the system's roots.
 */
export function makeCaBundles(env: Environment, { ca, dir, system = systemRoots }: CaBundleOptions): CaBundles {
  const notes: string[] = [];
  let roots: string | null = null;
  const systemOnce = () => {
    roots ??= system();
    return roots;
  };
  const named = (variable: string): string | null => {
    const path = env[variable];
    if (!path) return null;
    try {
      const found = readRoots(path);
      if (found !== '') return found;
      notes.push(`${variable} names ${path}, which holds no certificate; it is left out.`);
    } catch (error) {
      notes.push(`${variable} names ${path}, which cannot be read (${errorCode(error)}); it is left out.`);
    }
    return null;
  };
  const files: Record<string, string> = {};
  const store = (variable: string, others: string) => {
    files[variable] = storeBundle(dir, composeBundle(ca, others));
  };
  const ifSet = REPLACING_IF_SET.filter((variable) => env[variable]);
  for (const variable of [...REPLACING, ...ifSet]) {
    // OpenSSL, and httpx, look into SSL_CERT_DIR where no file is named.
    const own = named(variable) ?? (variable === 'SSL_CERT_FILE' ? named('SSL_CERT_DIR') : null);
    store(variable, own ?? systemOnce());
  }
  for (const variable of ADDING) store(variable, named(variable) ?? '');
  return { files, notes };
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

// Linear systems: responses of poles and zeros, and the training of a small network.
// Python twins: analysis/transfer.py, theory/profiled.py, run/trainer.py; a test compares them on random systems.

export const minus = ([a, b], [c, d]) => [a - c, b - d];
export const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
export const modulus = ([a, b]) => Math.hypot(a, b);

export function over([a, b], [c, d]) {
  const size = c * c + d * d;
  return [(a * c + b * d) / size, (b * c - a * d) / size];
}

// Real coefficients, highest power first, of the polynomial with these roots (mirrors included).
export function polynomial(roots) {
  let coefficients = [[1, 0]];
  for (const root of roots) {
    const next = [...coefficients.map((x) => [...x]), [0, 0]];
    coefficients.forEach((x, i) => {
      next[i + 1] = minus(next[i + 1], times(root, x));
    });
    coefficients = next;
  }
  return coefficients.map(([re]) => re);
}

// 20 log10 |H| on the unit circle, as a sum of logarithms, which cannot overflow.
export function decibels(poles, zeros, gain, frequencies) {
  return frequencies.map((frequency) => {
    const z = [Math.cos(frequency), Math.sin(frequency)];
    const sum = (points) => points.reduce((total, point) => total + Math.log10(modulus(minus(z, point))), 0);
    return 20 * (Math.log10(Math.abs(gain)) + sum(zeros) - sum(poles));
  });
}

// g_0 … g_(count-1) from the polynomials, never from residues, which blow up where poles meet.
export function impulseResponse(poles, zeros, gain, count) {
  const denominator = polynomial(poles);
  const numerator = polynomial(zeros).map((x) => gain * x);
  const padded = [...Array(denominator.length - numerator.length).fill(0), ...numerator];
  const h = [0];
  for (let t = 1; t <= count; t += 1) {
    let value = padded[t] ?? 0;
    for (let j = 1; j < denominator.length && j <= t; j += 1) value -= denominator[j] * h[t - j];
    h.push(value);
  }
  return h.slice(1);
}

// The residue at each pole; null where two poles are too close for one.
export function residuesAt(poles, zeros, gain) {
  return poles.map((pole, k) => {
    let value = [gain, 0];
    for (const zero of zeros) value = times(value, minus(pole, zero));
    for (let j = 0; j < poles.length; j += 1) {
      if (j === k) continue;
      const gap = minus(pole, poles[j]);
      if (modulus(gap) < 1e-6) return null;
      value = over(value, gap);
    }
    return value;
  });
}

// All roots of a polynomial, highest power first, by Durand and Kerner from a circle that is safe near zero.
export function roots(coefficients) {
  const lead = coefficients.findIndex((x) => x !== 0);
  const monic = coefficients.slice(lead).map((x) => x / coefficients[lead]);
  const n = monic.length - 1;
  const radius = Math.max(...monic.slice(1).map((x, k) => Math.abs(x) ** (1 / (k + 1))), 1e-300);
  let z = Array.from({ length: n }, (_, k) => {
    const angle = (2 * Math.PI * k) / n + 0.4;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  for (let round = 0; round < 200; round += 1) {
    let moved = 0;
    z = z.map((point, i) => {
      let value = [1, 0];
      for (let k = 1; k <= n; k += 1) {
        value = times(value, point);
        value = [value[0] + monic[k], value[1]];
      }
      z.forEach((other, j) => {
        if (j !== i) value = over(value, minus(point, other));
      });
      moved = Math.max(moved, modulus(value));
      return minus(point, value);
    });
    if (!(moved > 1e-16 * radius)) break;
  }
  return z.map(([re, im]) => (Math.abs(im) < 1e-12 * radius ? [re, 0] : [re, im]));
}

// Poles and zeros of (W, b, c) through the polynomials of Faddeev and LeVerrier. W is flat, row by row.
export function polesAndZeros({ W, b, c }) {
  const n = b.length;
  const denominator = [1];
  let M = Array.from({ length: n * n }, (_, i) => (i % (n + 1) ? 0 : 1));
  for (let k = 1; k <= n; k += 1) {
    const product = matrixProduct(W, M, n);
    let trace = 0;
    for (let i = 0; i < n; i += 1) trace += product[i * (n + 1)];
    denominator.push(-trace / k);
    M = product.map((x, i) => (i % (n + 1) ? x : x - trace / k));
  }
  const g = responseOf({ W, b, c }, n);
  const numerator = g.map((_, i) => g.slice(0, i + 1).reduce((sum, x, j) => sum + denominator[i - j] * x, 0));
  const size = Math.max(...numerator.map(Math.abs));
  const [poles, zeros] = [roots(denominator), size > 0 && n > 1 ? roots(numerator) : []];
  return { poles, zeros: zeros.filter((z) => modulus(z) < 1e6) };
}

export function responseOf({ W, b, c }, count) {
  const g = [];
  for (let s = 0, h = [...b]; s < count; s += 1, h = applied(W, h)) g.push(dot(c, h));
  return g;
}

// One update by gradient descent on ½ Σ (g − g*)²; the parameters change in place. Returns the loss before it.
export function trainingUpdate({ W, b, c }, target, rate) {
  const [n, T] = [b.length, target.length];
  const states = [[...b]];
  for (let s = 1; s < T; s += 1) states.push(applied(W, states[s - 1]));
  const errors = states.map((h, s) => dot(c, h) - target[s]);
  const [dW, dc] = [new Array(n * n).fill(0), new Array(n).fill(0)];
  let adjoint = new Array(n).fill(0);
  for (let s = T - 1; s >= 0; s -= 1) {
    adjoint = appliedBack(W, adjoint).map((x, i) => x + errors[s] * c[i]);
    for (let i = 0; i < n; i += 1) {
      dc[i] += errors[s] * states[s][i];
      for (let j = 0; s > 0 && j < n; j += 1) dW[i * n + j] += adjoint[i] * states[s - 1][j];
    }
  }
  W.forEach((_, i) => { W[i] -= rate * dW[i]; });
  b.forEach((_, i) => { b[i] -= rate * adjoint[i]; });
  c.forEach((_, i) => { c[i] -= rate * dc[i]; });
  return 0.5 * dot(errors, errors);
}

// The smallest loss of a model with one real pole p; infinite horizon. Poles and residues of the target are complex.
export function profiledLoss(p, poles, residues) {
  let [norm, reached] = [0, [0, 0]];
  poles.forEach((pole, i) => {
    const share = over(residues[i], minus([1, 0], [p * pole[0], p * pole[1]]));
    reached = [reached[0] + share[0], reached[1] + share[1]];
    poles.forEach((other, j) => {
      norm += over(times(residues[i], residues[j]), minus([1, 0], times(pole, other)))[0];
    });
  });
  return 0.5 * (norm - (1 - p * p) * reached[0] ** 2);
}

// Standard normal numbers from a seed, for the start of a network that is trained here.
export function normals(seed, count) {
  let state = (seed * 2654435761 + 1) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

export const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);

function applied(W, h) {
  const n = h.length;
  return h.map((_, i) => {
    let sum = 0;
    for (let j = 0; j < n; j += 1) sum += W[i * n + j] * h[j];
    return sum;
  });
}

function appliedBack(W, x) {
  const n = x.length;
  return x.map((_, j) => {
    let sum = 0;
    for (let i = 0; i < n; i += 1) sum += W[i * n + j] * x[i];
    return sum;
  });
}

function matrixProduct(A, B, n) {
  return A.map((_, at) => {
    let sum = 0;
    for (let k = 0; k < n; k += 1) sum += A[Math.floor(at / n) * n + k] * B[k * n + (at % n)];
    return sum;
  });
}

/* What is done for every pair. A tile of pairs goes through one step after the other, so that what a step reads
   lies in the first caches. About half of the neurons are zero after the ReLU: the products over neurons and
   classes run over the others alone, which is exact. */
#include "engine.h"

/* Attention of every head to the two operands of a pair; the rest goes to the operation's own row. */
static void attend(int a, int b, float *weights) {
  int H = net.H;
  for (int h = 0; h < H; h++) {
    float own = net.op_score[h], s = net.score[a * H + h], t = net.score[(net.p + b) * H + h], top = own;
    top = s > top ? s : top;
    top = t > top ? t : top;
    v2 both = exponential((v2){s - top, t - top}), rest = exponential((v2){own - top, 0});
    double total = rest[0] + both[0] + both[1];
    weights[h] = (float)(both[0] / total);
    weights[H + h] = (float)(both[1] / total);
  }
}

/* row = base + Σ_k weights[k] · its row of mix, two heads at a time and both operands of each. */
static void mix_rows(int a, int b, const float *weights, float *row) {
  int H = net.H, R = net.R, W = net.W;
  copy(row, net.base, W);
  for (int h = 0; h < H; h += 2) {
    int second = h + 1 < H ? h + 1 : h;
    const float *m0 = net.mix + (h * R + a) * W, *m1 = net.mix + (h * R + net.p + b) * W;
    const float *m2 = net.mix + (second * R + a) * W, *m3 = net.mix + (second * R + net.p + b) * W;
    float w0 = weights[h], w1 = weights[H + h];
    float w2 = second > h ? weights[second] : 0, w3 = second > h ? weights[H + second] : 0;
    for (int c = 0; c < W; c += 4)
      *(v4 *)(row + c) += (w0 * *(v4 *)(m0 + c) + w1 * *(v4 *)(m1 + c)) + (w2 * *(v4 *)(m2 + c) + w3 * *(v4 *)(m3 + c));
  }
}

/* ReLU of a row, and the list of neurons above zero: ``counts[g]`` is where group g of them begins. */
static void activate(float *row, float *active, int *neuron, int *counts) {
  int n = 0;
  for (int m = 0; m < net.M; m++) {
    if (m % GROUP == 0) counts[m / GROUP] = n;
    float x = row[m];
    active[n] = x;
    neuron[n] = m;
    n += !(x <= 0); /* a NaN stays one */
    row[m] = x <= 0 ? 0 : x;
  }
  counts[(net.M + GROUP - 1) / GROUP] = n;
}

/* out[4 · vectors] += Σ_j weight[j] · rows[index[j] · stride]: all sums in registers. */
static inline __attribute__((always_inline)) void gather_fixed(float *out, const float *weight, const int *index,
                                                               int n, const float *rows, int stride, int vectors) {
  v4 sum[MOST_VECTORS];
  for (int v = 0; v < vectors; v++) sum[v] = *(v4 *)(out + 4 * v);
  for (int j = 0; j < n; j++) {
    const float *row = rows + index[j] * stride;
    for (int v = 0; v < vectors; v++) sum[v] += weight[j] * *(const v4 *)(row + 4 * v);
  }
  for (int v = 0; v < vectors; v++) *(v4 *)(out + 4 * v) = sum[v];
}

#define GATHER(N) case N: gather_fixed(out, weight, index, n, rows, stride, N); break;
static void gather(float *out, const float *weight, const int *index, int n, const float *rows, int stride) {
  switch (net.block) {
    GATHER(1) GATHER(2) GATHER(3) GATHER(4) GATHER(5) GATHER(6) GATHER(7) GATHER(8) GATHER(9) GATHER(10)
  }
}

/* logits += neurons · NL, of a tile. */
static void logits_of(int n) {
  int M = net.M, groups = (M + GROUP - 1) / GROUP, width = 4 * net.block;
  for (int g = 0; g < groups; g++)
    for (int c = 0; c < net.K; c += width)
      for (int i = 0; i < n; i++) {
        int from = net.counts[i * (groups + 1) + g], to = net.counts[i * (groups + 1) + g + 1];
        gather(net.out + i * net.W + M + c, net.active + i * M + from, net.neuron + i * M + from, to - from,
               net.NL + c, net.K);
      }
}

static double largest(const float *logits, int n) {
  float top = logits[0];
  for (int c = 1; c < n; c++) top = logits[c] > top ? logits[c] : top;
  return top;
}

/* Cross-entropy of a pair by a float64 log-softmax; d_logits = weight · its gradient, zero beyond the classes. */
static double cross_entropy(const float *logits, int answer, double weight, float *d_logits) {
  static double exps[1024];
  int p = net.p;
  double top = largest(logits, p), total = 0;
  for (int c = 0; c < p; c += 2) /* one number beyond an odd p is computed and not counted */
    *(v2 *)(exps + c) = exponential((v2){logits[c] - top, logits[c + 1] - top});
  for (int c = 0; c < p; c++) total += exps[c];
  if (d_logits) {
    double scale = weight / total;
    for (int c = 0; c < p; c++) d_logits[c] = (float)(exps[c] * scale);
    for (int c = p; c < net.K; c++) d_logits[c] = 0;
    d_logits[answer] = (float)(exps[answer] * scale - weight);
  }
  return logarithm(total) - (logits[answer] - top);
}

/* Whether the answer is the first of the largest. */
static int wins(const float *logits, int answer) {
  int beaten = 0;
  for (int c = 0; c < answer; c++) beaten += !(logits[c] < logits[answer]);
  for (int c = answer + 1; c < net.p; c++) beaten += !(logits[c] <= logits[answer]);
  return beaten == 0 && logits[answer] == logits[answer];
}

/* Outputs of n <= TILE pairs. Returns the sum of their losses times ``weight``; forward alone also notes which
   are right, in ``correct``, and their losses, in ``losses``. */
double forward_tile(const int *pairs, int n, double weight, int backward) {
  int M = net.M, groups = (M + GROUP - 1) / GROUP;
  double loss = 0;
  for (int i = 0; i < n; i++) {
    int a = pairs[i] / net.p, b = pairs[i] % net.p;
    float *weights = net.attention + i * 2 * net.H, *row = net.out + i * net.W;
    attend(a, b, weights);
    mix_rows(a, b, weights, row);
    activate(row, net.active + i * M, net.neuron + i * M, net.counts + i * (groups + 1));
  }
  logits_of(n);
  for (int i = 0; i < n; i++) {
    const float *logits = net.out + i * net.W + M;
    int answer = net.answers[pairs[i]];
    double one = cross_entropy(logits, answer, weight, backward ? net.d_out + i * net.W + M : 0);
    loss += weight * one;
    if (!backward) net.correct[pairs[i]] = wins(logits, answer), net.losses[i] = one;
  }
  return loss;
}

/* The lists of active neurons by neuron: which pairs of the tile each is active in. */
static void by_neuron(int n) {
  int M = net.M, groups = (M + GROUP - 1) / GROUP;
  for (int m = 0; m < M; m++) net.n_of[m] = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < net.counts[i * (groups + 1) + groups]; j++) {
      int m = net.neuron[i * M + j], at = m * TILE + net.n_of[m]++;
      net.pair_of[at] = i;
      net.of_neuron[at] = net.active[i * M + j];
    }
}

/* d_NL += neuronsᵀ · d_logits, of a tile. */
static void table_back(int n) {
  by_neuron(n);
  for (int c = 0; c < net.K; c += 4 * net.block)
    for (int m = 0; m < net.M; m++)
      gather(net.d_NL + m * net.K + c, net.of_neuron + m * TILE, net.pair_of + m * TILE, net.n_of[m],
             net.d_out + net.M + c, net.W);
}

/* d of four active neurons of a pair at once: d_logits · their rows of NL. */
static void four_dots(const float *d_logits, const int *neuron, float *d_row) {
  int K = net.K;
  const float *r0 = net.NL + neuron[0] * K, *r1 = net.NL + neuron[1] * K;
  const float *r2 = net.NL + neuron[2] * K, *r3 = net.NL + neuron[3] * K;
  v4 s0 = {0, 0, 0, 0}, s1 = s0, s2 = s0, s3 = s0;
  for (int c = 0; c < K; c += 4) {
    v4 d = *(const v4 *)(d_logits + c);
    s0 += d * *(const v4 *)(r0 + c);
    s1 += d * *(const v4 *)(r1 + c);
    s2 += d * *(const v4 *)(r2 + c);
    s3 += d * *(const v4 *)(r3 + c);
  }
  d_row[neuron[0]] = (s0[0] + s0[1]) + (s0[2] + s0[3]);
  d_row[neuron[1]] = (s1[0] + s1[1]) + (s1[2] + s1[3]);
  d_row[neuron[2]] = (s2[0] + s2[1]) + (s2[2] + s2[3]);
  d_row[neuron[3]] = (s3[0] + s3[1]) + (s3[2] + s3[3]);
}

/* d_neurons = d_logits · NLᵀ where the neuron is active, zero elsewhere. */
static void neurons_back(int n) {
  int M = net.M, groups = (M + GROUP - 1) / GROUP;
  for (int i = 0; i < n; i++) fill(net.d_out + i * net.W, 0, M);
  for (int g = 0; g < groups; g++)
    for (int i = 0; i < n; i++) {
      float *d_row = net.d_out + i * net.W;
      const int *neuron = net.neuron + i * M;
      int j = net.counts[i * (groups + 1) + g], to = net.counts[i * (groups + 1) + g + 1];
      for (; j + 4 <= to; j += 4) four_dots(d_row + M, neuron + j, d_row);
      for (; j < to; j++) d_row[neuron[j]] = dot(d_row + M, net.NL + neuron[j] * net.K, net.K);
    }
}

/* Both operands of one head: d_mix += weight · d_row; returns in ``d`` the gradients of the weights. */
static void head_back(const float *ma, const float *mb, float *da, float *db, float wa, float wb, const float *d_row,
                      float *d) {
  v4 sa = {0, 0, 0, 0}, sb = sa;
  for (int c = 0; c < net.W; c += 4) {
    v4 r = *(const v4 *)(d_row + c);
    *(v4 *)(da + c) += wa * r;
    *(v4 *)(db + c) += wb * r;
    sa += r * *(const v4 *)(ma + c);
    sb += r * *(const v4 *)(mb + c);
  }
  d[0] = (sa[0] + sa[1]) + (sa[2] + sa[3]);
  d[1] = (sb[0] + sb[1]) + (sb[2] + sb[3]);
}

/* Adds the gradients of a tile to those of the tables; ``forward_tile`` of the same pairs came before. */
void backward_tile(const int *pairs, int n) {
  int H = net.H, R = net.R, W = net.W;
  table_back(n);
  neurons_back(n);
  for (int i = 0; i < n; i++) {
    int a = pairs[i] / net.p, b = net.p + pairs[i] % net.p;
    const float *d_row = net.d_out + i * W, *weights = net.attention + i * 2 * H;
    add_to(net.d_base, d_row, W);
    for (int h = 0; h < H; h++) {
      int at_a = (h * R + a) * W, at_b = (h * R + b) * W;
      float d[2], wa = weights[h], wb = weights[H + h];
      head_back(net.mix + at_a, net.mix + at_b, net.d_mix + at_a, net.d_mix + at_b, wa, wb, d_row, d);
      float mean = wa * d[0] + wb * d[1];
      net.d_score[a * H + h] += wa * (d[0] - mean);
      net.d_score[b * H + h] += wb * (d[1] - mean);
    }
  }
}

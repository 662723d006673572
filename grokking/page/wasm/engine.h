/* The exact short cut of the one-layer transformer, for WebAssembly: the arrays and what each file gives.

   Shapes: H heads, e = d_head, D = d_model, M = d_mlp, C = p classes, R = 2p operand rows, X = R + 1 rows in
   all (the last is the operation's). A table row has W = M + K numbers: the neurons, then the K >= C columns of
   the logits, those beyond C being zero. D, e, M and K are multiples of 4, the numbers of a vector. All floats
   are float32; losses and their softmax are float64. The same formulas in Python: grokking/engines/lookup.py, and with the
   gradient by hand, grokking/engines/numba; to be read in JavaScript: assets/js/lab/plain.js. */
#ifndef ENGINE_H
#define ENGINE_H

typedef float v4 __attribute__((vector_size(16), aligned(4)));
typedef double v2 __attribute__((vector_size(16), aligned(8)));
typedef long long w2 __attribute__((vector_size(16), aligned(8)));

enum { TILE = 64, GROUP = 64, MOST_VECTORS = 10, PARAMETERS = 11 };
/* TILE: pairs whose outputs are in memory at once.  GROUP: neurons whose rows of ``NL`` stay in the first
   cache meanwhile.  MOST_VECTORS: of logits that are summed in registers. */

typedef struct {
  float *W_E, *W_pos, *W_Q, *W_K, *W_V, *W_O, *W_in, *b_in, *W_out, *b_out, *W_U;
} Matrices;

typedef struct {
  int p, D, H, e, M, K, W, R, X, block, blocks, n_train, n_numbers;
  Matrices w, g;                                  /* views of weights and gradient */
  float *weights, *gradient, *exp_avg, *exp_avg_sq; /* [n_numbers], parameters in the order of Matrices */
  float *x, *W_in_U, *W_U;                        /* [X, D], [D, W], [D, K] */
  float *values, *relative, *head, *query, *direction; /* [H, X, e], [H, R, e], [H, e, W], [H, e], [H, D] */
  float *mix, *score, *op_score, *base, *op_row, *NL; /* [H, R, W], [R, H], [H], [W], [D], [M, K] */
  float *d_mix, *d_score, *d_base, *d_NL;
  float *d_x, *d_values, *d_relative, *d_head, *d_W_U, *turned; /* turned: a matrix transposed */
  float *out, *d_out, *attention;                 /* [TILE, W], [TILE, W], [TILE, 2H] */
  float *active;                                  /* [TILE, M]: outputs above zero, group by group */
  int *neuron, *counts;                           /* [TILE, M]: whose they are; [TILE, M / GROUP + 1] */
  float *of_neuron;                               /* [M, TILE]: the same by neuron */
  int *pair_of, *n_of;                            /* [M, TILE], [M] */
  int *train, *all, *answers;                     /* pairs as a p + b, in the order of work; answers [p²] */
  unsigned char *is_train, *correct;              /* [p²] */
  double *losses, *sums;                          /* [most updates in a call]; results of ``evaluate`` */
  double beta1_t, beta2_t;                        /* powers of the betas: of the updates so far */
} Net;

extern Net net;

void matmul(const float *a, int by_row, int by_inner, const float *b, int ldb, float *out, int ldo, int rows,
            int inner, int columns, int add);
float *transposed(const float *a, int rows, int columns, int lda, float *out);
void add_to(float *out, const float *a, int n);
void fill(float *out, float value, int n);
void copy(float *out, const float *a, int n);
float dot(const float *a, const float *b, int n);
double logarithm(double x);

/* exp of two numbers: exp(x) = 2^k exp(r), x = k ln2 + r; k goes to the exponent bits of the series in r. */
static inline v2 exponential(v2 x) {
  const v2 rounder = {6755399441055744.0, 6755399441055744.0}, lowest = {-700, -700};
  w2 small = x < lowest; /* negligible beside the largest, exp(0); a NaN stays one */
  x = (v2)(((w2)lowest & small) | ((w2)x & ~small));
  v2 rounded = x * 1.4426950408889634 + rounder, k = rounded - rounder;
  v2 r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  v2 tail = 1.0 / 5040 + r * (1.0 / 40320 + r * (1.0 / 362880 + r * (1.0 / 3628800 + r * (1.0 / 39916800))));
  v2 middle = 1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (1.0 / 720 + r * tail)));
  v2 sum = 1 + r * (1 + r * (0.5 + r * middle));
  return (v2)((w2)sum + ((w2)rounded << 52));
}

void build_tables(void);
void backprop_tables(void);
double forward_tile(const int *pairs, int n, double weight, int backward);
void backward_tile(const int *pairs, int n);

#endif

"""From a lineage graph to a verdict: policies, licences, checks, the evaluator."""

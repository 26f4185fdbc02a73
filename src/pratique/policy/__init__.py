"""CertLogic rules, evidence and decisions that say why."""

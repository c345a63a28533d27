"""Grafana: panels and provisioning made from the metric catalogue."""

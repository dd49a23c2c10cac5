import java.io.FileInputStream;
import java.security.Security;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Validates a chain by PKIX as a JVM does by default, with each way to hear of revocation. */
class CheckChain {
  public static void main(String[] files) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    X509Certificate root = (X509Certificate) factory.generateCertificate(new FileInputStream(files[0]));
    List<X509Certificate> chain = new ArrayList<>();
    for (var each : factory.generateCertificates(new FileInputStream(files[1]))) chain.add((X509Certificate) each);
    CertPath path = factory.generateCertPath(chain);

    PKIXParameters given = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
    given.addCertStore(CertStore.getInstance("Collection",
        new CollectionCertStoreParameters(factory.generateCRLs(new FileInputStream(files[2])))));
    validate("lists given", path, given);

    PKIXParameters checker = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
    checker.addCertPathChecker(
        (java.security.cert.PKIXRevocationChecker) CertPathValidator.getInstance("PKIX").getRevocationChecker());
    validate("a revocation checker", path, checker);

    System.setProperty("com.sun.security.enableCRLDP", "true");
    validate("distribution points", path, new PKIXParameters(Set.of(new TrustAnchor(root, null))));

    Security.setProperty("ocsp.enable", "true");
    validate("OCSP", path, new PKIXParameters(Set.of(new TrustAnchor(root, null))));
  }

  private static void validate(String how, CertPath path, PKIXParameters parameters) throws Exception {
    String found = "good";
    try {
      CertPathValidator.getInstance("PKIX").validate(path, parameters);
    } catch (CertPathValidatorException refused) {
      found = refused.getReason() + " at " + refused.getIndex();
    }
    System.out.println(how + ": " + found);
  }
}
